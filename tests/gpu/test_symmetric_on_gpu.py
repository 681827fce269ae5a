"""CatBoost on a leased GPU: it learns what it learns on the CPU, and predicts there."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from recipes.engine.tabular.model import load
from tests.product import ROOT
from tests.recipes import tabling
from tests.recipes.making import events

pytestmark = [pytest.mark.gpu, pytest.mark.process]


@pytest.mark.parametrize("params", [{}, {"bootstrap": "mvs", "colsample_bylevel": 0.5}])
def test_catboost_learns_on_the_gpu(uuids: list[str], tmp_path: Path, params: object) -> None:
    table = tabling.small(5_000)
    given = {}
    for device in ("cuda", "cpu"):
        home = tmp_path / device
        compute = {"device": device, "uuids": uuids[:1] if device == "cuda" else [], "threads": 2}
        data = tabling.dataset(home / "data", table)
        folder = tabling.job(
            home, data, "good", algorithm="catboost", spec={"params": params}, compute=compute
        )
        subprocess.run([sys.executable, "-m", "recipes", str(folder)], cwd=ROOT, check=True)
        about = json.loads((folder / "bundle" / "model.json").read_text())
        assert about["learned"]["device"] == device
        assert events(folder, "epoch")
        model = load(folder / "bundle", threads=1)
        rows = table.select(["size", "colour"])
        given[device] = model.predict(rows)
        made = model.learner.contributions(model.encoder.transform(rows))  # type: ignore[attr-defined]
        assert np.isfinite(made).all()
    assert np.abs(given["cuda"] - given["cpu"]).mean() < 0.03
