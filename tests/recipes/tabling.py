"""Small tables as datasets, and their job folders, for the tests of the recipes."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.parquet as pq
import pytest
import torch

from recipes.engine.peers import Peers
from recipes.job import Compute, Job, read, write
from recipes.kinds import KINDS

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
MISSING = ["", "NA", "?"]


def real(name: str) -> pa.Table:
    """A table of the real data, with its types and gaps."""
    if not DATA.exists():
        pytest.skip("../shared/data is not here")
    options = csv.ConvertOptions(null_values=MISSING, strings_can_be_null=True)
    return csv.read_csv(DATA / f"{name}.csv", convert_options=options)


def dataset(folder: Path, table: pa.Table) -> dict[str, str]:
    """The folder of a table dataset (docs/jobs.md), as an import leaves it."""
    folder.mkdir(parents=True)
    pq.write_table(table, folder / "table.parquet", compression="zstd", row_group_size=65_536)
    columns = [_profile(name, table.column(name)) for name in table.column_names]
    text = json.dumps(columns)
    (folder / "columns.json").write_text(text)
    (folder / "facts.json").write_text(json.dumps({"layout": "table", "rows": len(table)}))
    digest = hashlib.sha256((folder / "table.parquet").read_bytes() + text.encode())
    return {"folder": str(folder), "fingerprint": digest.hexdigest()}


def kind_of(type_: pa.DataType) -> str:
    if pa.types.is_timestamp(type_):
        return "datetime"
    names = {"int64": "integer", "double": "number", "bool": "boolean", "date32[day]": "date"}
    return names.get(str(type_), "text")


def _profile(name: str, column: pa.ChunkedArray) -> dict[str, Any]:
    kind = kind_of(column.type)
    there = column.drop_null()
    ordered = kind in ("integer", "number") and len(there)
    edges = pc.min_max(there).as_py() if ordered else {"min": None, "max": None}
    return {
        "name": name,
        "type": kind,
        "given": False,
        "missing": column.null_count,
        "distinct": len(pc.unique(there)),
        **edges,
        "examples": [str(one) for one in pc.unique(there)[:5].to_pylist()],
        "warnings": [],
    }


def job(home: Path, data: dict[str, str], target: str, **changes: Any) -> Path:
    """A train job's folder."""
    spec = {
        "task": changes.pop("task", "two_class"),
        "algorithm": changes.pop("algorithm", "xgboost"),
        "dataset": data,
        "target": target,
        **changes.pop("spec", {}),
    }
    compute = Compute(**{"threads": 2, **changes.pop("compute", {})})
    folder = home / changes.pop("name", "job")
    write(folder, Job(job=1, kind="train", spec=spec, compute=compute, **changes))
    return folder


def score_job(home: Path, bundle: Path, data: dict[str, str], name: str = "score") -> Path:
    """A score job's folder."""
    folder = home / name
    spec = {"bundle": str(bundle), "dataset": data}
    write(folder, Job(job=2, kind="score", spec=spec, compute=Compute(threads=2)))
    return folder


QUICK = {"params": {"rounds": 5}}


def small(count: int = 60, **columns: Any) -> pa.Table:
    """A number, a colour and a target that follows from both."""
    rng = np.random.default_rng(0)
    size = rng.normal(size=count)
    colour = rng.choice(["red", "green", "blue"], count)
    made = {
        "size": size,
        "colour": colour,
        "good": np.where(size + (colour == "red") > 0, "y", "n"),
    }
    return pa.table({**made, **columns})


def train(home: Path, table: pa.Table, target: str = "good", **changes: Any) -> Path:
    data = dataset(home / "data", table)
    changes["spec"] = {**QUICK, **changes.get("spec", {})}
    folder = job(home, data, target, **changes)
    run(folder)
    return folder


def about(folder: Path) -> dict[str, Any]:
    """The model.json that the job left."""
    found: dict[str, Any] = json.loads((folder / "bundle" / "model.json").read_text())
    return found


def report(folder: Path) -> dict[str, Any]:
    """The report.json that the job left."""
    found: dict[str, Any] = json.loads((folder / "bundle" / "report.json").read_text())
    return found


def run(folder: Path) -> None:
    given = read(folder)
    KINDS[given.kind].run(given, folder, Peers(0, 1, torch.device("cpu")))
