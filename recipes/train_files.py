"""Training on a table by hand: a file, its target, and no platform."""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from recipes import gang
from recipes import job as jobs
from recipes.algorithms import ALGORITHMS
from recipes.events import tell
from recipes.job import Compute, Job
from recipes.search import SEARCH, clean

Json = dict[str, Any]

TABLES = sorted(name for name, card in ALGORITHMS.items() if card.learner)
TASKS = ("two_class", "multiclass", "regression")
PAIR = 2  # values of a target


def main(arguments: list[str]) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m recipes train", description="Train on a table; the bundle is the model."
    )
    parser.add_argument("input", type=Path, help="a table, or a dataset")
    parser.add_argument("--target", required=True, help="the column to predict")
    parser.add_argument("--out", type=Path, required=True, help="the folder of the bundle")
    parser.add_argument("--algorithm", choices=TABLES, default="xgboost")
    parser.add_argument("--task", choices=TASKS, help="by itself as the target's values are")
    parser.add_argument("--params", type=json.loads, default={}, help="of the algorithm, as JSON")
    parser.add_argument("--search", choices=_strategies(), help="look for the best params first")
    for one in SEARCH.fields[1:]:
        parser.add_argument(f"--{one.name}", help=f"of the search: {one.label.lower()}")
    parser.add_argument("--space", type=json.loads, help="of the search, as JSON: docs/jobs.md")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    return _train(parser.parse_args(arguments))


def _strategies() -> list[str]:
    return list(SEARCH.fields[0].schema()["enum"])


def _train(given: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="train-") as home:
        folder = Path(home) / "job"
        try:
            if given.out.exists():
                raise jobs.BadJob(f"There is a {given.out} already: name a new folder.")
            spec = _spec(given, Path(home) / "dataset")
        except Exception as wrong:
            print(wrong, file=sys.stderr)  # noqa: T201
            return 2
        compute = Compute(device=given.device, threads=given.threads)
        jobs.write(folder, Job(job=0, kind="train", spec=spec, compute=compute))
        code = gang.lead(folder)
        tell(folder / "events.jsonl")
        if code == 0:
            given.out.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(folder / "bundle", given.out)
        return code


def _spec(given: argparse.Namespace, draft: Path) -> Json:
    from recipes.data.table_inputs import as_table  # noqa: PLC0415 - help needs no pyarrow

    place, problems = as_table(given.input, draft, [])
    if problems:
        some = "1 value or row of it was" if problems == 1 else f"{problems} values or rows were"
        print(f"{some} not understood and left out.", file=sys.stderr)  # noqa: T201
    columns = json.loads((place / "columns.json").read_text())
    fingerprint = json.loads((place / "facts.json").read_text())["fingerprint"]
    settings = {one.name: getattr(given, one.name) for one in SEARCH.fields[1:]}
    asked = {name: value for name, value in settings.items() if value is not None}
    spec: Json = {
        "task": given.task or _task(columns, given.target),
        "algorithm": given.algorithm,
        "params": given.params,
        "dataset": {"folder": str(place.resolve()), "fingerprint": fingerprint},
        "target": given.target,
    }
    if given.search:
        search = {"strategy": given.search, "space": given.space or {}, **asked}
        spec["search"] = clean(ALGORITHMS[given.algorithm].params, search)
    return spec


def _task(columns: list[Json], target: str) -> str:
    """The usual one of such a target; one that is not there is the job's to name."""
    found = next((one for one in columns if one["name"] == target), {"type": "text", "distinct": 0})
    if found["distinct"] == PAIR:
        return "two_class"
    return "regression" if found["type"] in ("integer", "number") else "multiclass"
