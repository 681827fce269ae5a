"""Scoring from the command line: a bundle, some pictures and no platform."""

import shutil
import sys
import tempfile
from pathlib import Path

from recipes import bundle, gang
from recipes import job as jobs
from recipes.data.inputs import as_dataset
from recipes.events import tell
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
        code = gang.lead(folder)
        tell(folder / "events.jsonl")
        if code == 0:
            out.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(folder / "output" / "data.csv", out)
        return code
