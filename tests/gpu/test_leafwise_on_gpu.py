"""LightGBM on a leased GPU, where it is built for CUDA: it learns what it learns on the CPU."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from recipes import builds
from recipes.engine.tabular.model import load
from recipes.job import Compute
from tests.product import ROOT
from tests.recipes import tabling

pytestmark = [pytest.mark.gpu, pytest.mark.process]


def test_a_build_for_cuda_learns_on_the_gpu(uuids: list[str], tmp_path: Path) -> None:
    if builds.asked({"lightgbm": ""}) != {"lightgbm": "gpu"}:
        pytest.skip("this LightGBM is not built for CUDA: docs/lightgbm.md")
    table = tabling.small(5_000)
    given = {}
    for device in ("cuda", "cpu"):
        home = tmp_path / device
        compute = Compute(device=device, uuids=(uuids[0],) if device == "cuda" else (), threads=2)
        spec = {"params": {"rounds": 50}}
        data = tabling.dataset(home / "data", table)
        folder = tabling.job(
            home, data, "good", algorithm="lightgbm", spec=spec,
            compute={name: getattr(compute, name) for name in ("device", "uuids", "threads")},
        )  # fmt: skip
        subprocess.run([sys.executable, "-m", "recipes", str(folder)], cwd=ROOT, check=True)
        about = json.loads((folder / "bundle" / "model.json").read_text())
        assert about["learned"]["device"] == device
        given[device] = load(folder / "bundle", threads=1).predict(table.select(["size", "colour"]))
    assert np.abs(given["cuda"] - given["cpu"]).mean() < 0.02
