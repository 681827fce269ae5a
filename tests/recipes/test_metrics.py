"""The metrics against small tables computed by hand."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes.data.listing import Row
from recipes.engine import metrics
from recipes.engine.report import POINTS, make
from recipes.tasks import TASKS

TRUE = np.array([0, 0, 0, 1, 1, 2])
PREDICTED = np.array([0, 0, 1, 1, 2, 2])


def test_confusion_counts_true_classes_in_rows() -> None:
    table = metrics.confusion(TRUE, PREDICTED, 3)
    assert table.tolist() == [[2, 1, 0], [0, 1, 1], [0, 0, 1]]


def test_precision_recall_and_f1_of_each_class() -> None:
    precision, recall, f1 = metrics.per_class(metrics.confusion(TRUE, PREDICTED, 3))
    assert precision.tolist() == pytest.approx([1, 1 / 2, 1 / 2])
    assert recall.tolist() == pytest.approx([2 / 3, 1 / 2, 1])
    assert f1.tolist() == pytest.approx([4 / 5, 1 / 2, 2 / 3])


def test_a_class_that_is_never_predicted_has_precision_zero() -> None:
    precision, recall, f1 = metrics.per_class(
        metrics.confusion(np.array([0, 1]), np.zeros(2, int), 2)
    )
    assert (precision[1], recall[1], f1[1]) == (0, 0, 0)


def test_roc_and_its_area() -> None:
    points = metrics.roc(np.array([1, 0, 1, 0]) == 1, np.array([0.9, 0.8, 0.7, 0.1]))
    assert points is not None
    assert points[:, :2].tolist() == [[0, 0], [0, 0.5], [0.5, 0.5], [0.5, 1], [1, 1]]
    assert metrics.area(points) == pytest.approx(0.75)


def test_equal_scores_are_one_point_so_guessing_has_half_the_area() -> None:
    assert metrics.area(metrics.roc(np.array([1, 0, 1, 0]) == 1, np.full(4, 0.5))) == 0.5


def test_average_precision_weights_each_precision_by_the_recall_it_adds() -> None:
    points = metrics.precision_recall(np.array([1, 0, 1, 0]) == 1, np.array([0.9, 0.8, 0.7, 0.1]))
    assert metrics.average_precision(points) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


def test_log_loss_is_the_mean_of_minus_log() -> None:
    probas = np.array([[0.5, 0.5], [0.2, 0.8]])
    assert metrics.log_loss(np.array([0, 1]), probas) == pytest.approx(-np.log([0.5, 0.8]).mean())


def test_certainty_about_the_wrong_class_costs_much_and_not_infinitely() -> None:
    assert 30 < metrics.log_loss(np.array([0]), np.array([[0.0, 1.0]])) < 40


@given(
    true=st.lists(st.integers(0, 2), min_size=1, max_size=30),
    seed=st.integers(0, 1000),
)
def test_every_metric_of_the_card_is_judged_and_within_its_range(
    true: list[int], seed: int
) -> None:
    probas = np.random.default_rng(seed).dirichlet(np.ones(3), len(true))
    judged = metrics.judge(np.array(true), probas)
    assert judged.keys() == TASKS["image_classification"].metrics.keys()
    for name, value in judged.items():
        if name != "log_loss":
            assert value is None or -1e-9 <= value <= 1 + 1e-9


def test_with_one_class_only_the_area_is_unknown_and_not_a_number_made_up() -> None:
    judged = metrics.judge(np.array([0, 0]), np.array([[0.6, 0.4], [0.3, 0.7]]))
    assert judged["roc_auc"] is None
    assert judged["accuracy"] == 0.5


def test_a_report_has_thin_curves_with_their_ends_and_the_most_confident_mistakes_first() -> None:
    rng = np.random.default_rng(1)
    probas, true = rng.dirichlet(np.ones(2), 2000), rng.integers(0, 2, 2000)
    rows = [Row(number=one, path=f"{one}.png", file=Path("x")) for one in range(2000)]
    made = make(rows, true, probas, ["a", "b"], split="val")
    curve = made["per_class"][1]["roc"]
    assert len(curve) <= POINTS
    assert (curve[0][:2], curve[-1][:2]) == ([0, 0], [1, 1])
    confident = [mistake["proba"] for mistake in made["mistakes"]]
    assert confident == sorted(confident, reverse=True)
    assert all(mistake["true"] != mistake["predicted"] for mistake in made["mistakes"])
    assert sum(map(sum, made["confusion"])) == 2000
