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
    assert comparison.signed(apart, card) == shown
    assert comparison.better(card, apart) is better


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
