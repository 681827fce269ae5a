"""A training by a process of its own: on leased GPUs, a rank each, or on the CPU."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa

from recipes import own_network
from tests.product import ROOT
from tests.recipes import tabling


def trained(
    home: Path, table: pa.Table, target: str, algorithm: str, uuids: list[str], **spec: Any
) -> Path:
    """The job's folder; without `uuids` it is the CPU's. It learned where the job says."""
    task = spec.pop("task", "two_class")
    device, ranks = ("cuda", len(uuids)) if uuids else ("cpu", 1)
    compute = {"device": device, "ranks": ranks, "uuids": tuple(uuids), "threads": 4}
    compute["open"] = bool(own_network.refusal())  # else they have a network of their own
    data = tabling.dataset(home / "data", table)
    folder = tabling.job(
        home, data, target, algorithm=algorithm, task=task, spec=spec, compute=compute
    )
    subprocess.run([sys.executable, "-m", "recipes", str(folder)], cwd=ROOT, check=True)
    learned = json.loads((folder / "bundle" / "model.json").read_text())["learned"]
    assert learned["device"].startswith(device)
    return folder
