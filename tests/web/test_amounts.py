"""How far a job is, as pages and the command line say it."""

from typing import Any

import pytest

from trackside.client.printing import progress
from trackside.ui.words import amount

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
        ({"done": 3.25, "of": 10, "unit": "epoch"}, "Epoch 4 of 10", "epoch 4 of 10"),
        ({"done": 2.54, "of": 20, "unit": "megabyte"}, "2.5 of 20 megabytes",
         "2.54 of 20 megabytes"),
    ],
)  # fmt: skip
def test_what_is_counted_says_which_one_is_at_work(told: Any, page: str, line: str) -> None:
    job = {"id": 3, "state": "running", "reason": "", "progress": told}
    assert amount(told) == page
    assert progress(job) == ", ".join(filter(None, ["job 3", "running", line]))
    assert progress({**job, "state": "failed", "reason": "No."}) == "job 3, failed, No."
