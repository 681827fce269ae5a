"""The models of all sessions of an analysis in one table: sorted, filtered, starred, by REST."""

import re
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from recipes.tasks import TASKS
from tests.web import lab_stage
from tests.web.world import Rest
from trackside.accounts.models import User
from trackside.lab import leaderboard, services
from trackside.lab.leaderboard import Wish
from trackside.lab.models import Analysis, Session, TrainedModel
from trackside.projects.models import Project

METRICS = TASKS["two_class"].metrics
USUAL = METRICS["roc_auc"]
figures = st.none() | st.floats(-1, 1, allow_nan=False)


def model(pk: int, score: float | None, seconds: float | None = None) -> TrainedModel:
    return TrainedModel(
        pk=pk, label=f"m{pk}", metrics={"roc_auc": score, "log_loss": score},
        facts={"seconds": seconds}, session=Session(number=pk), algorithm="ridge",
    )  # fmt: skip


@given(st.lists(figures, max_size=12), st.sampled_from(["roc_auc", "log_loss", "seconds"]),
       st.sampled_from(["", "asc", "desc"]))  # fmt: skip
def test_any_column_sorts_and_what_has_no_figure_is_last(
    values: list[float | None], sort: str, order: str
) -> None:
    models = [model(pk, one, one) for pk, one in enumerate(values)]
    wish = Wish(sort=sort, order=order)
    found = leaderboard.ordered(models, wish, METRICS)
    told = [one.metrics["roc_auc"] for one in found]
    known = [one for one in told if one is not None]
    best_is_high = sort == "roc_auc" if not order else order == "desc"
    assert known == sorted(known, reverse=best_is_high)
    assert told == known + [None] * (len(told) - len(known))
    assert {one.pk for one in found} == set(range(len(values)))


def test_a_head_asks_for_the_other_way_round_and_a_new_metric_is_shown() -> None:
    made = leaderboard.table([model(1, 0.9), model(2, 0.8)], Wish(sort="brier"), METRICS, USUAL)
    assert [one["name"] for one in made["heads"]][:2] == ["brier", "roc_auc"]
    (head, *_) = made["heads"]
    assert (head["sorted"], head["order"], head["first"]) == ("ascending", "desc", True)
    assert made["rows"][0]["cells"][1]["best"]
    assert not made["rows"][1]["cells"][1]["best"]


@pytest.mark.parametrize("sort", ["", "nothing", "__class__"])
def test_an_address_that_asks_for_nothing_gets_the_best_first(sort: str) -> None:
    wish = leaderboard.asked({"sort": sort, "state": "x", "order": "up"}, METRICS, USUAL)
    assert wish == Wish(sort="roc_auc")
    assert not wish.narrows


@pytest.fixture
def sorter(project: Project, ada: User) -> Analysis:
    """Two sessions: the first with a trained model, the second one fails."""
    lab_stage.node(gpus=1)
    made = lab_stage.analysis(project, ada)
    for name in ("First", "Second"):
        services.train(made, ada, {"kind": "cpu", "ranks": 1}, name)
    first, second = made.sessions.order_by("number")
    lab_stage.trained(first)
    second.models.get().job.__class__.objects.filter(pk=second.models.get().job_id).update(
        state="failed", reason="The disk is full."
    )
    return made


def rows(html: str) -> list[str]:
    body = html.partition("<tbody>")[2].partition("</tbody>")[0]
    return [re.sub(r"<[^>]+>", " ", one) for one in body.split("<tr")[1:]]


@pytest.mark.parametrize(
    ("query", "sessions"),
    [
        ("", ["First", "Second"]),
        ("?sort=session", ["Second", "First"]),
        ("?sort=seconds&order=desc", ["First", "Second"]),
        ("?state=failed", ["Second"]),
        ("?state=trained&algorithm=backbone_classifier", ["First"]),
        ("?starred=1", ["First"]),
        ("?state=work", []),
    ],
)
def test_all_sessions_stand_in_one_table_as_one_asks(
    query: str, sessions: list[str], sorter: Analysis, as_cleo: Client
) -> None:
    TrainedModel.objects.exclude(bundle="").update(starred=True)
    html = as_cleo.get(f"/p/INSECTS/lab/insect sorter/results/{query}").content.decode()
    assert [next(s for s in ("First", "Second") if s in one) for one in rows(html)] == sessions
    if not sessions:
        assert "No such model" in html
        assert "0 of 2 models" in html


def test_by_rest_the_same_models_come_in_the_same_order(sorter: Analysis, ada: User) -> None:
    rest, at = Rest(ada), "/projects/INSECTS/analyses/insect sorter/models"

    def told(query: str) -> Any:
        return rest.call("GET", at + query).json()

    assert [one["session"] for one in told("")["models"]] == [1, 2]
    assert [one["session"] for one in told("?sort=session&limit=1")["models"]] == [2]
    assert told("?state=failed")["count"] == 1
    assert told("?starred=1") == {"models": [], "count": 0}
    assert told("?sort=x")["error"]["field"] == "sort"


def test_what_has_no_figure_is_not_the_best(sorter: Analysis, as_cleo: Client) -> None:
    page = "/p/INSECTS/lab/insect sorter/results/"
    assert "Best</span>" in as_cleo.get(page).content.decode()
    TrainedModel.objects.update(metrics={"accuracy": None})
    html = as_cleo.get(page).content.decode()
    assert "Best</span>" not in html
    assert 'class="best"' not in html


def test_too_many_to_compare_is_said_where_they_were_ticked(
    sorter: Analysis, as_cleo: Client
) -> None:
    page = "http://testserver/p/INSECTS/lab/insect%20sorter/results/"
    asked = "/p/INSECTS/comparison/?" + "&".join(f"of={number}" for number in range(9))
    answer = as_cleo.get(asked, headers={"Referer": page})
    assert (answer.status_code, answer["Location"]) == (302, page)
    assert "Choose 2 to 8 models to compare: 9 are chosen." in as_cleo.get(page).content.decode()
    here = "http://testserver/p/INSECTS/comparison/?of=1"
    signed_in = f"http://testserver/login/?next={here}"  # a link of somebody who was signed out
    for other in ("http://elsewhere/p/", here, signed_in, ""):
        assert as_cleo.get(asked, headers={"Referer": other}).status_code == 200, other
