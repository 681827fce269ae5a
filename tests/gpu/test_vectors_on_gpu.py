"""A support vector machine on a leased GPU, where cuML is: it learns what it learns on the CPU."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from recipes import extras
from recipes.engine.tabular.model import load
from tests.product import ROOT
from tests.recipes import tabling

pytestmark = [pytest.mark.gpu, pytest.mark.process]


def test_cuml_learns_on_the_gpu_and_scikit_learn_predicts(uuids: list[str], tmp_path: Path) -> None:
    if not extras.installed("rapids"):
        pytest.skip("cuML is not here: make extras NAMES=rapids")
    table = tabling.small(5_000)
    given = {}
    for device in ("cuda", "cpu"):
        home = tmp_path / device
        compute = {"device": device, "uuids": (uuids[0],) if device == "cuda" else (), "threads": 2}
        data = tabling.dataset(home / "data", table)
        folder = tabling.job(home, data, "good", algorithm="svm", spec={}, compute=compute)
        subprocess.run([sys.executable, "-m", "recipes", str(folder)], cwd=ROOT, check=True)
        about = json.loads((folder / "bundle" / "model.json").read_text())
        assert about["learned"]["device"].startswith(device)
        given[device] = load(folder / "bundle", threads=1).predict(table.select(["size", "colour"]))
    assert np.abs(given["cuda"] - given["cpu"]).max() < 0.02
