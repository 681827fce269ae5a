"""Steps that fp16 leaves out are counted, over interruptions too, and said in plain words."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from recipes.engine import steps, training
from recipes.engine.loop import Loop
from recipes.engine.steps import Steps, note
from tests.recipes.making import dataset, events, job
from tests.recipes.test_train import ALL, run
from tests.recipes.threads import one_thread

__all__ = ["one_thread"]


def test_a_step_whose_gradients_are_too_large_is_counted_and_changes_nothing() -> None:
    weight = torch.nn.Parameter(torch.ones(2))
    taken = Steps(torch.optim.SGD([weight], lr=0.5), torch.device("cpu"), "fp16")
    taken.take((weight * 1e36).sum())  # times 65536 it is no float
    assert weight.tolist() == [1, 1]
    taken.take(weight.sum())
    assert weight.tolist() == [0.5, 0.5]
    assert (taken.left_out(), taken.left_out()) == (1, 0)


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_other_precisions_leave_none_out(precision: str) -> None:
    weight = torch.nn.Parameter(torch.ones(2))
    taken = Steps(torch.optim.AdamW([weight]), torch.device("cpu"), precision)
    taken.take(weight.sum())
    assert taken.left_out() == 0


@pytest.mark.parametrize(
    ("left_out", "all_", "before", "level"),
    [
        (0, 500, 0, None),
        (3, 500, 0, "info"),
        (3, 1000, 3, None),
        (5, 1000, 3, None),
        (17, 17, 0, "warning"),
        (66, 1000, 3, None),
        (67, 1000, 3, "warning"),
        (500, 1000, 500, None),  # none in this epoch
    ],
)
def test_the_first_and_many_are_said(
    left_out: int, all_: int, before: int, level: str | None
) -> None:
    assert (note(left_out, all_, before=before) or {}).get("level") == level


def test_a_training_in_fp16_tells_the_steps_that_were_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scaler = partial(torch.amp.GradScaler, init_scale=2.0**120, backoff_factor=2.0**-30)
    monkeypatch.setattr(steps.torch.amp, "GradScaler", scaler)
    monkeypatch.setattr(training, "precision_for", lambda *_: "fp16")
    data = dataset(tmp_path / "data", {"red": 12, "blue": 12})
    folder = job(tmp_path, data, params=ALL, training={"epochs": 2, "batch_size": 2})
    own = Loop._save

    def interrupted(self: Loop, kept: Any) -> None:
        own(self, kept)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Loop, "_save", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(folder)
    finished = run(folder)
    first, second = events(folder, "epoch")
    assert 0 < first["left_out"] <= second["left_out"] == finished["facts"]["left_out"]
    told = [one for one in events(folder, "note") if "fp16" in one["text"]]
    assert told[0]["text"].startswith(f"fp16 has left out {first['left_out']} of 6 steps: ")
