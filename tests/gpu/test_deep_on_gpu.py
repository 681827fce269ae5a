"""Deep networks on a leased GPU: they learn there, say so, and predict there as on the CPU."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from recipes.job import Compute, Job, write
from tests.product import ROOT
from tests.recipes import tabling
from tests.recipes.making import events

pytestmark = [pytest.mark.gpu, pytest.mark.process]


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("name", ["deep_mlp", "ft_transformer"])
def test_a_deep_network_learns_and_predicts_on_the_gpu(
    uuids: list[str], tmp_path: Path, name: str, mixed: bool
) -> None:
    table = tabling.small(5_000)
    data = tabling.dataset(tmp_path / "data", table)
    gpu = {"device": "cuda", "uuids": (uuids[0],), "threads": 2}
    spec = {"params": {"rounds": 5, "mixed_precision": mixed}}
    folder = tabling.job(tmp_path, data, "good", algorithm=name, spec=spec, compute=gpu)
    subprocess.run([sys.executable, "-m", "recipes", str(folder)], cwd=ROOT, check=True)
    about = json.loads((folder / "bundle" / "model.json").read_text())
    assert about["learned"]["device"].startswith("cuda")
    assert about["metrics"]["roc_auc"] > 0.95
    scored = tmp_path / "score"
    asked = {"bundle": str(folder / "bundle"), "dataset": data}
    write(scored, Job(job=2, kind="score", spec=asked, compute=Compute(**gpu)))  # type: ignore[arg-type]
    subprocess.run([sys.executable, "-m", "recipes", str(scored)], cwd=ROOT, check=True)
    (finished,) = events(scored, "finished")
    assert finished["facts"]["device"] != "CPU", finished["facts"]["parity"]
