"""Scoring from the command line: a bundle, some pictures and no platform."""

import json
import shutil
import sys
import tempfile
from pathlib import Path

from recipes import bundle, gang, rank
from recipes import job as jobs
from recipes.data.inputs import as_dataset
from recipes.job import Compute, Job


def score_files(place: Path, given: Path, out: Path, *, ranks: int, device: str) -> int:
    """The command line's scoring: the same job in a folder of its own. The exit code."""
    with tempfile.TemporaryDirectory(prefix="score-") as home:
        folder = Path(home) / "job"
        try:
            bundle.read_model(place)
            dataset = as_dataset(given, Path(home) / "dataset")
        except Exception as wrong:
            print(wrong, file=sys.stderr)  # noqa: T201
            return 2
        spec = {"bundle": str(place.resolve()), "dataset": {"folder": str(dataset.resolve())}}
        compute = Compute(device="cuda" if device == "cuda" else "cpu", ranks=ranks)
        jobs.write(folder, Job(job=0, kind="score", spec=spec, compute=compute))
        if ranks == 1:
            code = rank.run(folder, rank=0, world=1, rendezvous="env://")
        else:
            code = gang.lead(folder)
        _tell(folder / "events.jsonl")
        if code == 0:
            out.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(folder / "output" / "data.csv", out)
        return code


def _tell(journal: Path) -> None:
    """Warnings and the failure of a job, for a person at a terminal."""
    if not journal.exists():
        return
    for line in map(json.loads, journal.open()):
        if line["type"] == "failed":
            print(line["message"], file=sys.stderr)  # noqa: T201
        elif line["type"] == "note" and line["level"] == "warning":
            print(line["text"], file=sys.stderr)  # noqa: T201
