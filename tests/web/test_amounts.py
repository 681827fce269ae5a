"""How far a job is, as pages and the command line say it."""

from typing import Any

import pytest

from recipes.tasks import TASKS
from trackside.client.printing import METRICS, metrics, progress
from trackside.ui.words import amount, share

NO: dict[str, Any] = {"done": None, "of": None, "unit": None}
BEST = {"done": 1.334, "of": 4, "unit": "trial",
        "text": "Trial 2 of 4; the best so far: ROC AUC 0.862."}  # fmt: skip


@pytest.mark.parametrize(
    ("told", "page", "line"),
    [
        (NO, "", ""),
        (BEST, "Trial 2 of 4", "trial 2 of 4; the best so far: ROC AUC 0.862"),
        ({**BEST, "text": "The final model."}, "Trial 2 of 4", "trial 2 of 4"),
        ({"done": 4, "of": 4, "unit": "trial"}, "4 of 4 trials", "4 of 4 trials"),
        ({"done": 2.4, "of": 6, "unit": "step", "share": 0.8}, "Explaining, step 3 of 6",
         "explaining, step 3 of 6"),
        ({"done": 3.25, "of": 10, "unit": "epoch"}, "Epoch 4 of 10", "epoch 4 of 10"),
        ({"done": 2, "of": 30, "unit": "round", "before": 1200},
         "Round 3 of 30 more, after 1,200", "round 3 of 30 more, after 1,200"),
        ({"done": 1234567, "of": 12000000, "unit": "row"}, "1,234,567 of 12,000,000 rows",
         "1,234,567 of 12,000,000 rows"),
        ({"done": 1499, "of": 2000, "unit": "tree"}, "Tree 1,500 of 2,000",
         "tree 1,500 of 2,000"),
        ({"done": 2.54, "of": 20, "unit": "megabyte"}, "2.5 of 20 megabytes",
         "2.54 of 20 megabytes"),
    ],
)  # fmt: skip
def test_what_is_counted_says_which_one_is_at_work(told: Any, page: str, line: str) -> None:
    job = {"id": 3, "state": "running", "reason": "", "progress": told}
    assert amount(told) == page
    assert progress(job) == ", ".join(filter(None, ["job 3", "running", line]))
    assert progress({**job, "state": "failed", "reason": "No."}) == "job 3, failed, No."


@pytest.mark.parametrize(
    ("own", "before", "said"),
    [(1, 100, "1 more tree, 101 in all"), (21, 1200, "21 more trees, 1,221 in all")],
)
def test_what_went_on_says_what_it_added_and_the_total(own: int, before: int, said: str) -> None:
    told = {"done": own, "of": own, "unit": "tree", "before": before}
    assert amount(told) == said
    job = {"id": 3, "state": "running", "reason": "", "progress": told}
    assert progress(job) == f"job 3, running, {said}"


@pytest.mark.parametrize(
    ("told", "percent"),
    [
        (NO, 0.0),
        ({"done": 3.25, "of": 10}, 32.5),
        ({"done": 299, "of": 300, "unit": "round", "share": 0.4}, 40.0),  # of the whole
        ({"done": 5, "of": 6, "unit": "step", "share": 0.97}, 97.0),
    ],
)
def test_the_bar_shows_the_share_of_the_whole(told: Any, percent: float) -> None:
    assert share(told) == pytest.approx(percent)


def test_the_command_line_calls_metrics_as_the_pages_do() -> None:
    cards = [card for task in TASKS.values() for card in task.metrics.values()]
    assert {card.name for card in cards} == set(METRICS)
    assert all(card.label.startswith(METRICS[card.name]) for card in cards)
    assert metrics({"roc_auc": 0.86163, "brier": None, "own": 1}) == "ROC AUC 0.8616, own 1"
