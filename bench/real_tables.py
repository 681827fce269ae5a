"""The real tables of ../shared/data, as an import leaves them, for the benchmarks on tables."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from recipes.job import Job, write

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"


class Real(NamedTuple):
    """What is predicted of a table, what is left out because it follows from the target."""

    name: str
    task: str
    target: str
    without: tuple[str, ...] = ()


REAL = (
    Real("adult", "two_class", "income"),
    Real("titanic", "two_class", "survived", ("alive",)),
    Real("diamonds", "regression", "price"),
    Real("taxis", "regression", "total"),
)


def here() -> bool:
    return all((DATA / f"{one.name}.csv").exists() for one in REAL)


def imported(work: Path, name: str) -> Path:
    """The dataset's folder, through the ordinary intake."""
    folder = work / f"import-{name}"
    archive = DATA / f"{name}.csv"
    spec = {"archive": str(archive), "name": archive.name, "kind": "table"}
    write(folder, Job(job=1, kind="import", spec=spec, cache=str(work), weights=str(work)))
    command = [sys.executable, "-m", "recipes", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return folder / "output"


def some_rows(dataset: Path, place: Path, rows: Any) -> Path:
    """A dataset of these rows alone."""
    place.mkdir(parents=True)
    shutil.copy(dataset / "columns.json", place)
    table = pq.read_table(dataset / "table.parquet").take(pa.array(np.sort(rows)))
    pq.write_table(table, place / "table.parquet", compression="zstd", row_group_size=65_536)
    facts = json.loads((dataset / "facts.json").read_text())
    (place / "facts.json").write_text(json.dumps({**facts, "rows": len(table)}))
    return place


def spec_of(one: Real, dataset: Path, algorithm: str, params: Any = None) -> dict[str, Any]:
    """A train job's spec with nothing changed but what must be left out."""
    facts = json.loads((dataset / "facts.json").read_text())
    return {
        "task": one.task,
        "algorithm": algorithm,
        "params": params or {},
        "features": {name: {"role": "ignore"} for name in one.without},
        "dataset": {"folder": str(dataset), "fingerprint": facts["fingerprint"]},
        "target": one.target,
    }


def middle(values: list[float]) -> tuple[float, float, float]:
    """The median and its 95 % interval, by drawing the values again."""
    drawn = np.random.default_rng(0).choice(values, (10_000, len(values)))
    low, high = np.quantile(np.median(drawn, 1), (0.025, 0.975))
    return float(np.median(values)), float(low), float(high)
