"""The log of a job, of whatever kind: what its events say to a person."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from recipes import said
from recipes.events import Journal
from recipes.job import Job

SPEC = {"task": "two_class", "algorithm": "mlp", "metric": "roc_auc",
        "dataset": {"folder": "/x", "name": "titanic"}}  # fmt: skip
STARTED = {"device": "CPU", "ranks": 1, "threads": 2, "versions": {"xgboost": "3.2.0"}}


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Journal]:
    monkeypatch.setattr(said, "_time", lambda seconds: "2.0 s")
    monkeypatch.setattr(Journal, "aloud", said.Aloud(Job(job=1, kind="any", spec=SPEC)))
    made = Journal(tmp_path)
    yield made
    made.close()


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Without date and time."""
    return [line[20:] for line in capsys.readouterr().out.splitlines()]


def test_a_scoring_says_how_many_rows_by_what_what_was_unseen_and_where_they_are(
    journal: Journal, capsys: pytest.CaptureFixture[str]
) -> None:
    journal.write("started", **STARTED)
    journal.write("phase", name="score", text="Scoring 891 rows.")
    journal.write("progress", done=400, of=891, unit="row", eta=1.0)
    journal.write("note", level="warning", text="3 values of 'deck' are unknown.")
    facts = {"engine": "onnx", "device": "CPU"}
    journal.write("finished", rows=891, file="output/table.parquet", facts=facts)
    told = lines(capsys)
    assert told[:5] == [
        "Runs on CPU, 1 rank of 2 threads.",
        "With xgboost 3.2.0.",
        "The data: titanic.",
        "Scoring 891 rows.",
        "Warning: 3 values of 'deck' are unknown.",
    ]
    assert told[5].startswith("891 rows in 2.0 s, ")
    assert told[5].endswith(" a second, by ONNX Runtime on CPU.")
    assert told[6:] == ["Written to output/table.parquet.", "Done after 2.0 s."]


FINISHED = {
    "a training": (
        {"metric": "roc_auc", "score": 0.86163, "bundle": "/x", "facts": {"rows": {"train": 9}}},
        ["ROC AUC 0.8616.", "The model is written, and predicts as it did in memory."],
    ),
    "an evaluation": (
        {"metric": "accuracy", "score": 0.91, "trained": {"accuracy": 0.93}, "judged": 1200,
         "of": 1300, "rows": 1200, "file": "output/table.parquet", "facts": {"device": "CPU"}},
        ["1,200 of 1,300 were judged on CPU.", "Accuracy 91.0 %, in the training 93.0 %.",
         "Written to output/table.parquet."],
    ),
    "what went on": (
        {"facts": {"lineage": [{"version": 2, "rounds": 100, "unit": "tree"}], "best_epoch": 1}},
        ["1 tree was added to the 100 that were there: 101 in all."],
    ),
    "what went on in rounds of which some have no tree": (
        {"facts": {"lineage": [{"version": 2, "rounds": 100, "unit": "tree"}], "best_epoch": 30,
                   "learned": {"rounds": 120, "best": 130, "went_on_from": 100}}},
        ["20 trees were added to the 100 that were there: 120 in all."],
    ),
    "an import": ({"facts": {"rows": 891, "columns": 12}}, ["891 rows of 12 columns came in."]),
    "pictures": ({"facts": {"images": 12}}, ["12 pictures came in."]),
    "into a database": (
        {"file": "", "table": {"connection": "Warehouse", "table": "scored"}},
        ["Written to the table scored of Warehouse."],
    ),
    "an explanation": ({"items": [1, 2]}, []),
}  # fmt: skip


@pytest.mark.parametrize("kind", FINISHED)
def test_the_end_of_each_kind_says_what_came_of_it(
    kind: str, journal: Journal, capsys: pytest.CaptureFixture[str]
) -> None:
    data, wanted = FINISHED[kind]
    journal.write("finished", **data)
    assert lines(capsys) == [*wanted, "Done after 2.0 s."]


def test_losses_are_told_now_and_then_and_trials_each(
    journal: Journal, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for epoch in range(1, 100):  # as fast as a library can
        journal.write("epoch", epoch=epoch, train_loss=0.5, val_loss=None, best=False)
    trial = {"of": 2, "params": {}, "seconds": 1.5}
    journal.write("trial", number=1, value=0.862, state="done", best=True, reason="", **trial)
    journal.write("trial", number=2, value=None, state="failed", best=False, reason="No.", **trial)
    assert lines(capsys) == [
        "Epoch 1: training loss 0.5.",
        "Trial 1 of 2: ROC AUC 0.862, the best so far; 2.0 s.",
        "Trial 2 of 2: No; 2.0 s.",
    ]


def test_a_round_without_a_figure_is_counted(
    journal: Journal, capsys: pytest.CaptureFixture[str]
) -> None:
    journal.write("epoch", epoch=3, train_loss=None, val_loss=None, best=False)
    assert lines(capsys) == ["Epoch 3."]


def test_a_log_that_cannot_be_written_ends_no_job(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        def write(self, text: str) -> None:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(said.sys, "stdout", Full())
    journal.write("phase", name="read", text="Reading.")
