"""The design of an analysis: complete from the start, wrong values as sentences, the rest kept."""

from typing import Any

import pytest
from django.utils import timezone

from recipes.algorithms import ALGORITHMS
from recipes.tasks import TASKS
from tests.web import lab_stage
from trackside.compute.models import Node
from trackside.lab import services
from trackside.lab.design import default_design
from trackside.lab.diagnostics import findings
from trackside.lab.models import Analysis

pytestmark = pytest.mark.django_db
TABS = ("target", "split", "metrics", "architecture", "training", "augmentation", "runtime")


@pytest.fixture
def analysis(project: Any, ada: Any) -> Analysis:
    return lab_stage.analysis(project, ada)


def test_a_new_analysis_has_a_complete_design(analysis: Analysis) -> None:
    design = analysis.design
    card = TASKS["image_classification"]
    assert design["split"] == card.split.clean(design["split"])
    assert design["augmentation"] == card.augmentation.clean(design["augmentation"])
    model = design["models"][0]
    algorithm = ALGORITHMS[model["algorithm"]]
    assert model["params"] == algorithm.params.clean(model["params"])
    assert design["training"] == algorithm.training.clean(design["training"])
    assert model["params"]["backbone"] == "efficientnet_lite0"
    assert design["metric"] == "accuracy"


def test_a_dataset_without_parts_is_split_at_random() -> None:
    assert (
        default_design({"splits": {"": 10}}, "image_classification")["split"]["policy"] == "random"
    )
    folders = default_design({"splits": {"train": 8, "val": 2}}, "image_classification")
    assert folders["split"]["policy"] == "folders"


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_of_the_design_renders_for_readers_too(
    tab: str, analysis: Analysis, as_ada: Any, as_cleo: Any
) -> None:
    url = f"/p/INSECTS/lab/{analysis.name}/design/{tab}/"
    assert as_ada.get(url).status_code == 200
    answer = as_cleo.get(url)
    assert answer.status_code == 200
    assert b"data-train=" not in answer.content


def test_a_wrong_value_comes_back_beside_its_field_and_the_others_stay(
    analysis: Analysis, as_ada: Any
) -> None:
    sent = {**analysis.design["training"], "epochs": "0", "patience": "3"}
    answer = as_ada.post(f"/p/INSECTS/lab/{analysis.name}/design/training/", sent)
    assert answer.status_code == 422
    html = answer.content.decode()
    assert "&#x27;Epochs&#x27; must lie between 1 and 1000, not 0." in html
    assert 'value="3"' in html
    analysis.refresh_from_db()
    assert analysis.design["training"]["epochs"] == 20


def test_the_autosave_reads_sentences_by_field(analysis: Analysis, as_ada: Any) -> None:
    url = f"/p/INSECTS/lab/{analysis.name}/design/architecture/"
    now = analysis.design["models"][0]["params"]
    sent = {f"m0-{name}": value for name, value in {**now, "image_size": "x"}.items()}
    answer = as_ada.post(url, sent, headers={"Accept": "application/json"})
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == ["m0-image_size"]


def test_a_saved_tab_changes_only_its_part(analysis: Analysis, as_ada: Any) -> None:
    before = dict(analysis.design)
    sent = {"precision": "fp32", "seed": "7", "compute": "cpu"}
    answer = as_ada.post(f"/p/INSECTS/lab/{analysis.name}/design/runtime/", sent)
    assert answer.status_code == 302
    analysis.refresh_from_db()
    assert analysis.design["runtime"] == {"precision": "fp32", "seed": 7}
    assert analysis.design["compute"]["kind"] == "cpu"
    assert {**analysis.design, "runtime": 0, "compute": 0} == {**before, "runtime": 0, "compute": 0}


def test_models_are_added_and_removed(analysis: Analysis, as_ada: Any) -> None:
    url = f"/p/INSECTS/lab/{analysis.name}/design/architecture/"
    one = {f"m0-{name}": value for name, value in analysis.design["models"][0]["params"].items()}
    as_ada.post(url, {**one, "m0-on": "on", "add": "1"})
    analysis.refresh_from_db()
    assert len(analysis.design["models"]) == 2
    two = {f"m1-{name}": value for name, value in analysis.design["models"][1]["params"].items()}
    assert as_ada.post(url, {**one, **two, "drop": "9" * 5_000}).status_code < 500
    as_ada.post(url, {**one, **two, "drop": "0"})
    analysis.refresh_from_db()
    assert len(analysis.design["models"]) == 1


def test_a_partial_change_through_rest_keeps_the_rest(analysis: Analysis) -> None:
    services.save_design(analysis, "training", {"epochs": 3})
    services.save_design(analysis, "training", {"patience": 2})
    assert (analysis.design["training"]["epochs"], analysis.design["training"]["patience"]) == (
        3,
        2,
    )


@pytest.mark.parametrize(
    ("part", "value", "field"),
    [
        ("metric", "beauty", "metric"),
        ("models", [], "models"),
        ("models", [{"params": {"depth": 3}}], "models.0.params.depth"),
        (
            "split",
            {"policy": "random", "train_share": 0.9, "validation_share": 0.5},
            "split.validation_share",
        ),
        ("features", {}, "features"),
        ("target", "weight", "target"),
    ],
)
def test_what_no_card_allows_is_refused_by_name(
    part: str, value: Any, field: str, analysis: Analysis
) -> None:
    with pytest.raises(services.BadDesign) as bad:
        services.save_design(analysis, part, value)
    assert field in bad.value.errors


def test_a_dataset_that_cannot_train_is_refused_with_a_sentence(project: Any, ada: Any) -> None:
    data = lab_stage.dataset(project, ada)
    data.state = "importing"
    data.save()
    with pytest.raises(services.Refused, match="cannot be used yet: it is importing"):
        services.create_analysis(project, ada, "x", data)
    data.state, data.facts = "ready", {**data.facts, "classes": [{"name": "ants", "count": 3}]}
    data.save()
    with pytest.raises(services.Refused, match="at least two classes"):
        services.create_analysis(project, ada, "x", data)


def test_new_analyses_suggest_a_name_and_say_when_one_is_taken(
    analysis: Analysis, as_ada: Any
) -> None:
    assert b"insects classifier" in as_ada.get("/p/INSECTS/analyses/new/").content
    sent = {"dataset": "insects", "name": analysis.name, "task": "image_classification"}
    answer = as_ada.post("/p/INSECTS/analyses/new/", sent)
    assert answer.status_code == 422
    assert b"already an analysis called" in answer.content
    answer = as_ada.post("/p/INSECTS/analyses/new/", {**sent, "name": "second"})
    assert answer.status_code == 302


def test_outsiders_find_nothing_and_readers_change_nothing(
    analysis: Analysis, as_dan: Any, as_cleo: Any
) -> None:
    for path in ("", "design/training/", "train/", "results/"):
        assert as_dan.get(f"/p/INSECTS/lab/{analysis.name}/{path}").status_code == 404
    for path in ("design/training/", "train/", "train/plan/", "preview/", "delete/"):
        assert as_cleo.post(f"/p/INSECTS/lab/{analysis.name}/{path}").status_code == 403
    assert as_cleo.get(f"/p/INSECTS/lab/{analysis.name}/train/").status_code == 403
    assert as_cleo.get("/p/INSECTS/analyses/new/").status_code == 403


def test_diagnostics_name_what_may_spoil_a_training() -> None:
    facts = {
        "classes": [{"name": "a", "count": 900}, {"name": "b", "count": 20}],
        "splits": {"train": 900, "val": 20},
        "images": 920,
    }
    design = default_design(facts, "image_classification")
    titles = " ".join(one.title for one in findings(design, facts, duplicates=60))
    for part in ("under 50 pictures", "very uneven", "Few validation", "twice", "Accuracy says"):
        assert part in titles
    assert not findings(design, {"classes": [{"name": "a", "count": 99}], "splits": {"val": 99}})


def test_the_list_is_empty_then_shows_the_analysis(project: Any, ada: Any, as_ada: Any) -> None:
    assert b"Upload data" in as_ada.get("/p/INSECTS/lab/").content
    lab_stage.analysis(project, ada)
    assert b"insect sorter" in as_ada.get("/p/INSECTS/lab/").content


def test_a_backbone_that_no_machine_reported_is_refused_unless_it_was_there(
    analysis: Analysis,
) -> None:
    model = analysis.design["models"][0]
    node = Node.objects.create(name="far", heartbeat_at=timezone.now())
    node.catalogue = {"backbones": [{"name": "resnet18", "label": "ResNet-18"}]}
    node.save()
    services.save_design(analysis, "models", [model])
    wrong = {**model, "params": {**model["params"], "backbone": "resnet81"}}
    with pytest.raises(services.BadDesign, match="among them resnet18") as bad:
        services.save_design(analysis, "models", [model, wrong])
    assert list(bad.value.errors) == ["models.1.params.backbone"]
