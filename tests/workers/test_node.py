"""What a machine tells of itself while its agent runs."""

from pathlib import Path
from typing import Any

import pytest

from trackside.compute.models import Gpu, Node
from trackside.compute.services import GpuFacts
from workers import node
from workers.gpus import Gpus

WHY = {"code": "driver_missing", "text": "No driver is loaded.", "steps": []}
CARD = GpuFacts(uuid="GPU-a", index=0, name="NVIDIA H200", memory_total=2**37, capability="9.0")


@pytest.mark.django_db
def test_a_machine_without_a_gpu_looks_again_and_tells_what_it_found(
    stage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mended = False

    def find(self: Gpus, versions: Any = None, archs: Any = ()) -> None:
        self.why, self.facts = (None, [CARD]) if mended else (WHY, [])

    monkeypatch.setattr(Gpus, "find", find)
    monkeypatch.setattr(Gpus, "sample", lambda self, busy: [])
    here = node.Here()
    here.register()
    assert Node.objects.get().why_no_gpu == WHY
    mended = True
    here.beat(set(), warm=True)
    assert not Gpu.objects.exists()  # not at each heartbeat
    monkeypatch.setattr(node, "LOOK", -1.0)
    here.beat(set(), warm=True)
    assert Gpu.objects.get().name == "NVIDIA H200"
    assert Node.objects.get().why_no_gpu is None
