"""How far a figure is from another one, and whether that is better: as its digits show it."""

import pytest

from recipes.tasks import TASKS
from trackside.flow import evaluation_report
from trackside.lab import comparison
from trackside.saved_models.models import Evaluation, EvaluationStore, SavedModel


@pytest.mark.parametrize(
    ("metric", "apart", "shown", "better"),
    [
        ("accuracy", 0.0004, "\u00b10", None),
        ("accuracy", -0.01, "\u22121.0 points", False),
        ("roc_auc", 0.0004, "\u00b10", None),
        ("log_loss", -0.0006, "\u22120.001", True),
        ("log_loss", 0.0, "\u00b10", None),
    ],
)
def test_a_difference_that_its_digits_do_not_show_is_none(
    metric: str, apart: float, shown: str, better: bool | None
) -> None:
    card = TASKS["two_class"].metrics[metric]
    assert comparison.signed(apart, card, 0.9) == shown
    assert comparison.better(card, apart, 0.9) is better


@pytest.mark.parametrize(
    ("first", "second", "texts", "apart", "better"),
    [
        (0.0004, 0.0002, ("0.000400", "0.000200"), "\u22120.000200", True),
        (0.0004, 0.00040001, ("0.000400", "0.000400"), "\u00b10", None),
        (2e-7, 4e-7, ("2e-07", "4e-07"), "+2e-07", False),
        (0.412, 0.4123, ("0.412", "0.412"), "\u00b10", None),
        (12345.6, 12340.2, ("12,346", "12,340"), "\u22125", True),
        (12345.61, 12345.64, ("12,346", "12,346"), "\u00b10", None),
    ],
)
def test_an_error_in_the_targets_own_unit_has_digits_by_its_size(
    first: float, second: float, texts: tuple[str, str], apart: str, better: bool | None
) -> None:
    """A target of small values is not as well predicted by every model."""
    card = TASKS["regression"].metrics["rmse"]
    size = comparison.size_of(first, second)
    assert tuple(comparison.shown(one, card) for one in (first, second)) == texts
    assert comparison.signed(second - first, card, size) == apart
    assert comparison.better(card, second - first, size) is better


def test_an_evaluation_of_a_small_target_is_told_apart_from_its_training() -> None:
    store = EvaluationStore(saved_model=SavedModel(task="regression"))
    one = Evaluation(store=store, metric="rmse", metrics={"rmse": 0.0004})
    one.trained = {"rmse": 0.0002}
    told = evaluation_report.beside(one)
    assert (told["difference"], told["better"]) == ("+0.000200", False)


@pytest.mark.parametrize(
    ("now", "words"),
    [(0.90041, ("\u00b10", None)), (0.91, ("+0.010", True)), (None, ("\u2013", None))],
)
def test_an_evaluation_is_as_its_training_where_nothing_shows(
    now: float | None, words: tuple[str, bool | None]
) -> None:
    store = EvaluationStore(saved_model=SavedModel(task="two_class"))
    one = Evaluation(store=store, metric="roc_auc", metrics={"roc_auc": now})
    one.trained = {"roc_auc": 0.9}
    told = evaluation_report.beside(one)
    assert (told["difference"], told["better"]) == words
