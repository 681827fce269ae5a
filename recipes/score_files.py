"""Scoring and judging by hand: a bundle, pictures or a table, and no platform."""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from recipes import bundle, gang
from recipes import job as jobs
from recipes.data.inputs import as_dataset
from recipes.events import tell
from recipes.job import Compute, Job
from recipes.kinds.score import SETTINGS, settings_of
from recipes.tasks import data_of


def score_files(
    place: Path, given: Path, out: Path, *, ranks: int, device: str, settings: dict[str, Any]
) -> int:
    """The command line's scoring: the same job in a folder of its own. The exit code.

    `settings` are those of a table's, as far as they are named (recipes/kinds/score.py).
    """
    spec = {**settings, "bundle": str(place.resolve())}
    return _run("score", spec, given, out, _compute(ranks, device))


def evaluate_files(place: Path, given: Path, out: Path, *, ranks: int, device: str) -> int:
    """The command line's evaluation; `out` becomes evaluation.json. The exit code."""
    spec = {"bundle": str(place.resolve()), "rows": False}
    return _run("evaluate", spec, given, out, _compute(ranks, device))


def _compute(ranks: int, device: str) -> Compute:
    return Compute(device="cuda" if device == "cuda" else "cpu", ranks=ranks)


def _run(kind: str, spec: dict[str, Any], given: Path, out: Path, compute: Compute) -> int:
    with tempfile.TemporaryDirectory(prefix=f"{kind}-") as home:
        folder = Path(home) / "job"
        try:
            model = bundle.read_model(Path(spec["bundle"]))
            _check(model, spec)
            dataset = _dataset(model, given, Path(home) / "dataset")
        except Exception as wrong:
            print(wrong, file=sys.stderr)  # noqa: T201
            return 2
        spec["dataset"] = {"folder": str(dataset.resolve())}
        jobs.write(folder, Job(job=0, kind=kind, spec=spec, compute=compute))
        code = gang.lead(folder)
        tell(folder / "events.jsonl")
        if code == 0:
            out.parent.mkdir(parents=True, exist_ok=True)
            LEAVE[kind](folder, out)
        return code


def _check(model: dict[str, Any], spec: dict[str, Any]) -> None:
    """Raises BadJob for a setting that is wrong, or that this model has not."""
    if data_of(model.get("task")) == "table":
        settings_of(spec)
    elif named := [one.name for one in SETTINGS.fields if one.name in spec]:
        raise jobs.BadJob(f"A scoring of pictures has no --{named[0]}; that of a table has.")


def _told(folder: Path, out: Path) -> None:
    shutil.move(folder / "evaluation.json", out)


def _dataset(model: dict[str, Any], given: Path, draft: Path) -> Path:
    if data_of(model.get("task")) != "table":
        return as_dataset(given, draft)
    from recipes.data.table_inputs import as_table  # noqa: PLC0415 - pictures need no pyarrow

    dataset, problems = as_table(given, draft, model["columns"])
    if problems:
        some = "1 value or row of it was" if problems == 1 else f"{problems} values or rows were"
        print(f"{some} not understood and left out.", file=sys.stderr)  # noqa: T201
    return dataset


def _leave(folder: Path, out: Path) -> None:
    """The table of predictions: pictures give CSV, a table gives Parquet unless CSV is named."""
    made = folder / "output" / "table.parquet"
    if not made.exists():
        shutil.move(folder / "output" / "data.csv", out)
    elif out.suffix.lower() != ".csv":
        shutil.move(made, out)
    else:
        from recipes.engine.tabular.csv_file import as_csv  # noqa: PLC0415

        as_csv(made, out)


LEAVE = {"score": _leave, "evaluate": _told}
