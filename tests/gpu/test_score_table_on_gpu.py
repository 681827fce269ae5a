"""A table scored on a leased GPU by XGBoost: compared before, verified after, the CPU's answers."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recipes.job import Compute, Job, write
from tests.product import ROOT
from tests.recipes import tabling

pytestmark = [pytest.mark.gpu, pytest.mark.process]


def run(folder: Path, job: Job) -> dict[str, Any]:
    write(folder, job)
    subprocess.run([sys.executable, "-m", "recipes", str(folder)], cwd=ROOT, check=True)
    last: dict[str, Any] = json.loads((folder / "events.jsonl").read_text().splitlines()[-1])
    assert last["type"] == "finished", last
    return last


def test_a_leased_gpu_scores_a_table_as_the_cpu_does(uuids: list[str], tmp_path: Path) -> None:
    table = tabling.small(5_000)
    gaps = np.arange(5_000) % 7 == 0
    table = table.set_column(0, "size", pa.array(table.column("size").to_numpy(), mask=gaps))
    data = tabling.dataset(tmp_path / "data", table)
    tabling.run(tabling.job(tmp_path, data, "good", spec={"params": {"rounds": 50}}))
    spec = {"bundle": str(tmp_path / "job" / "bundle"), "dataset": data}
    told, given = {}, {}
    for device in ("cuda", "cpu"):
        compute = Compute(device=device, uuids=(uuids[0],) if device == "cuda" else (), threads=2)
        told[device] = run(tmp_path / device, Job(job=2, kind="score", spec=spec, compute=compute))
        made = pq.read_table(tmp_path / device / "output" / "table.parquet")
        given[device] = made.column("proba_y").to_numpy()
    (parity,) = told["cuda"]["facts"]["parity"]
    assert parity["used"], parity["why"]
    assert parity["on"].startswith("cuda")
    assert (parity["rows"], parity["gaps"] > 0) == (2_000, True)
    assert told["cpu"]["facts"]["parity"] == []
    assert np.abs(given["cuda"] - given["cpu"]).max() <= parity["tolerance"]


@pytest.mark.parametrize("target", ["income", "relationship", "age"])
def test_a_leased_gpu_explains_a_table_as_the_cpu_does(
    uuids: list[str], tmp_path: Path, target: str
) -> None:
    table = tabling.real("adult").slice(0, 6_000)
    task = {"income": "two_class", "relationship": "multiclass", "age": "regression"}[target]
    data = tabling.dataset(tmp_path / "data", table)
    tabling.run(tabling.job(tmp_path, data, target, task=task, spec={"params": {"rounds": 50}}))
    spec = {"bundle": str(tmp_path / "job" / "bundle"), "dataset": data, "explanations": 50}
    told, given = {}, {}
    for device in ("cuda", "cpu"):
        compute = Compute(device=device, uuids=(uuids[0],) if device == "cuda" else (), threads=2)
        told[device] = run(tmp_path / device, Job(job=2, kind="score", spec=spec, compute=compute))
        made = pq.read_table(tmp_path / device / "output" / "table.parquet")
        moved = [json.loads(one) for one in made.column("explanations").to_pylist()]
        given[device] = list(zip(made.column("prediction").to_pylist(), moved, strict=True))
    explained = told["cuda"]["facts"]["explanations"]
    assert explained["parity"]["used"], explained["parity"]["why"]
    assert explained["parity"]["on"].startswith("cuda")
    assert explained["device"] != "CPU"
    assert told["cpu"]["facts"]["explanations"]["parity"] is None
    assert explained["parity"]["gaps"] > 0
    for (other, there), (class_, here) in zip(given["cuda"], given["cpu"], strict=True):
        assert there.keys() == here.keys()
        if target == "relationship" and other != class_:
            continue  # of several classes those to the likeliest one are told
        np.testing.assert_allclose(
            [there[name] for name in here], list(here.values()), rtol=1e-3, atol=1e-2
        )


def test_dart_is_explained_on_the_cpu_beside_a_leased_gpu(uuids: list[str], tmp_path: Path) -> None:
    data = tabling.dataset(tmp_path / "data", tabling.small(2_000))
    params = {"rounds": 10, "booster": "dart"}
    tabling.run(tabling.job(tmp_path, data, "good", spec={"params": params}))
    spec = {"bundle": str(tmp_path / "job" / "bundle"), "dataset": data, "explanations": 2}
    compute = Compute(device="cuda", uuids=(uuids[0],), threads=2)
    told = run(tmp_path / "there", Job(job=2, kind="score", spec=spec, compute=compute))
    assert told["facts"]["parity"][0]["used"], told["facts"]["parity"][0]["why"]
    assert told["facts"]["explanations"]["device"] == "CPU"
    assert "explained on the CPU alone" in told["facts"]["explanations"]["why"]
