"""The learning curve on the results page: drawn, told in words, by each metric that is known."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from recipes.tasks import TASKS
from tests.web import trained_tables
from tests.web.trained_tables import page
from tests.web.world import Rest
from trackside.accounts.models import User
from trackside.lab.learning_curve import verdict
from trackside.lab.models import TrainedModel
from trackside.projects.models import Project

AUC, RMSE = TASKS["two_class"].metrics["roc_auc"], TASKS["regression"].metrics["rmse"]


def points(metric: str, values: list[float | None]) -> list[dict[str, Any]]:
    shares = (0.1, 0.25, 0.5, 0.75, 1.0)[-len(values) :]
    return [
        {
            "rows": int(1000 * share),
            "share": share,
            "seconds": None if share == 1 else share,
            "val": {metric: value},
            "train": {metric: value},
        }
        for share, value in zip(shares, values, strict=True)
    ]


def curved(model: TrainedModel, curve: Any) -> TrainedModel:
    path = Path(settings.TRACKSIDE_STORAGE) / model.bundle / "report.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "learning": curve}))
    return model


def test_the_tab_is_there_only_where_a_curve_was_asked_for(
    learned: dict[str, Path], project: Project, ada: User, as_ada: Client
) -> None:
    model = trained_tables.placed(project, ada, learned["two_class"])
    address = f"trained-models/{model.pk}/learning/"
    assert address not in page(as_ada, model, "summary")
    told = points("roc_auc", [0.7, 0.8, 0.85, 0.88, 0.9])
    for one in told:
        one["val"] |= {"accuracy": 0.5, "f1": None}
    curve = {"order": "random", "points": told}
    assert address in page(as_ada, curved(model, curve), "summary")
    said = page(as_ada, model, "learning")
    assert "ROC AUC by training rows" in said
    assert 'value="f1"' not in said
    assert "the model itself" in said
    assert "more of them probably would" in said
    assert "Accuracy by training rows" in page(as_ada, model, "learning", "?metric=accuracy")
    assert "ROC AUC by training rows" in page(as_ada, model, "learning", "?metric=f1")
    model_address = f"/projects/{project.key}/trained-models/{model.pk}"
    assert Rest(ada).call("GET", model_address).json()["report"]["learning"] == curve


def test_a_curve_without_a_figure_leaves_the_page_standing(
    learned: dict[str, Path], project: Project, ada: User, as_ada: Client
) -> None:
    model = trained_tables.placed(project, ada, learned["regression"])
    curved(model, {"order": "newest", "points": points("r2", [None, None])})
    assert "Nothing to draw" in page(as_ada, model, "learning")


@pytest.mark.parametrize(
    ("metric", "values", "words"),
    [
        (AUC, [0.7, 0.8, 0.85, 0.88, 0.9], "still helped"),
        (AUC, [0.7, 0.89, 0.9, 0.9, 0.9001], "changed little"),
        (AUC, [0.7, 0.89, 0.9, 0.9, 0.89], "worse with the last rows"),
        (AUC, [0.9, 0.9, 0.9, 0.9, 0.9], "changed little"),
        (RMSE, [900.0, 800.0, 700.0, 600.0, 500.0], "still helped"),
        (RMSE, [500.0, 500.0, 500.0, 500.0, 520.0], "worse with the last rows"),
        (RMSE, [900.0, 500.0, 500.0, 500.0, 501.0], "changed little"),
        (AUC, [0.7, 0.8, 0.75], "worse with the last rows"),
        (AUC, [None, None, 0.8, 0.9], "still helped"),
        (AUC, [0.9], ""),
    ],
)
def test_the_verdict_is_what_the_last_rows_brought(
    metric: Any, values: list[float | None], words: str
) -> None:
    said = verdict(points(metric.name, values), metric)
    assert (words in said) if words else said == ""
