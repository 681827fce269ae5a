"""Keras on PyTorch on a leased GPU: it learns there, and predicts on any CPU."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from recipes.engine.tabular.model import load
from tests.product import ROOT
from tests.recipes import tabling

pytestmark = [pytest.mark.gpu, pytest.mark.process]


def test_keras_learns_on_the_gpu_what_it_learns_on_the_cpu(
    uuids: list[str], tmp_path: Path
) -> None:
    table = tabling.small(5_000)
    given = {}
    for device, chosen, on in (("cuda", (uuids[0],), "cuda:0"), ("cpu", (), "cpu")):
        home = tmp_path / device
        data = tabling.dataset(home / "data", table)
        folder = tabling.job(
            home, data, "good", algorithm="keras", spec={"params": {"rounds": 10, "dropout": 0}},
            compute={"device": device, "uuids": chosen, "threads": 2},
        )  # fmt: skip
        subprocess.run([sys.executable, "-m", "recipes", str(folder)], cwd=ROOT, check=True)
        about = json.loads((folder / "bundle" / "model.json").read_text())
        assert about["learned"]["device"] == on
        given[device] = load(folder / "bundle", threads=1).predict(table.select(["size", "colour"]))
    assert np.abs(given["cuda"] - given["cpu"]).mean() < 0.02
