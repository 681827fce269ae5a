"""Of two classes one is the positive one: the last in order, or the one that was named."""

from pathlib import Path

import pytest

from recipes import going_on
from recipes.data.listing import BadData
from recipes.job import BadJob
from recipes.tasks import TASKS
from recipes.tasks.classes import ordered
from tests.recipes import tabling
from tests.recipes.tabling import small


def test_the_order_is_by_size_then_by_letter_and_the_named_one_is_last() -> None:
    assert ordered(["10", "9"]) == ["9", "10"]
    assert ordered(["yes", "no"]) == ["no", "yes"]
    assert ordered(["yes", "no"], "no") == ["yes", "no"]


def test_the_other_positive_class_gives_the_mirrored_figures(tmp_path: Path) -> None:
    usual = tabling.about(tabling.train(tmp_path / "a", small(200)))
    turned = tabling.train(tmp_path / "b", small(200), spec={"positive": "n"})
    about = tabling.about(turned)
    assert (usual["classes"], about["classes"]) == (["n", "y"], ["y", "n"])
    assert about["metrics"]["roc_auc"] == pytest.approx(usual["metrics"]["roc_auc"], abs=0.02)
    said = tabling.report(turned)["definitions"]["recall"]
    assert said.startswith("Of the rows of the class n, the share that is found")


@pytest.mark.parametrize(
    ("spec", "wrong", "said"),
    [
        ({"positive": "maybe"}, BadData, "'maybe' is no value of the target 'good'"),
        ({"positive": "y", "task": "multiclass"}, BadJob, "only two classes have one"),
    ],
)
def test_what_cannot_be_the_positive_class_is_refused(
    spec: dict[str, str], wrong: type[Exception], said: str, tmp_path: Path
) -> None:
    with pytest.raises(wrong, match=said):
        tabling.train(tmp_path, small(), spec=spec)


def test_nothing_goes_on_from_the_other_positive_class() -> None:
    assert "'n' and was 'y' in the version" in going_on.unlike(["n", "y"], ["y", "n"])
    assert going_on.unlike(["n", "y"], ["n", "y"]) == ""


def test_definitions_name_it_only_where_it_is_known() -> None:
    precision = TASKS["two_class"].metrics["precision"]
    assert "the positive class" in precision.definition
    assert "predicted as the class >50K," in precision.of(["<=50K", ">50K"]).definition
    assert precision.of(["a", "b", "c"]) is precision
