"""What a machine tells of itself while its agent runs."""

import os
from pathlib import Path
from typing import Any

import pytest

from trackside.compute.models import Gpu, Node
from trackside.compute.services import GpuFacts
from workers import node
from workers.cards import BadFleet
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


@pytest.mark.django_db
def test_a_card_that_dies_is_out_of_service_also_when_it_looks_well_again(
    stage: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    file = stage / "faults.json"
    file.write_text('{"here": {"1": {"xid": 79, "ecc": 2}}}')
    monkeypatch.setenv("TRACKSIDE_FAKE_FAULTS", str(file))
    monkeypatch.setenv("TRACKSIDE_NODE", "here")
    settings.TRACKSIDE_FAKE_GPUS = "2xH100-80GB"
    here = node.Here()
    here.register()
    here.beat(set(), warm=True)
    said = "The driver reported Xid 79: it has fallen off the bus."
    sound, dead = Gpu.objects.order_by("index")
    assert (sound.broken, dead.broken, dead.health) == ("", said, "failed")
    assert dead.errors == {"ecc": 2, "xid": 79}
    assert here.fault([sound.uuid, dead.uuid]) == f"GPU 1 of here has failed: {said}"
    assert here.fault([sound.uuid]) == ""
    assert Node.objects.get().topology["links"] == {
        sound.uuid: {dead.uuid: "NV18"},
        dead.uuid: {sound.uuid: "NV18"},
    }
    file.unlink()
    assert here.fault([dead.uuid])
    assert here.fault([dead.uuid], fresh=True) == ""
    here.beat(set(), warm=True)
    dead.refresh_from_db()
    assert (dead.broken, dead.health) == (said, "ok")


@pytest.mark.parametrize(
    ("given", "words"),
    [("x", "write for example 0-3"), ("3-1", "may use"), ("0-99999", "may use")],
)
def test_cores_that_an_agent_cannot_have_are_refused_with_those_it_can(
    given: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKSIDE_CORES", given)
    with pytest.raises(BadFleet, match=words):
        node.take_cores()


def test_an_agent_stays_on_the_cores_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.sched_getaffinity(0)
    one = min(before)
    try:
        monkeypatch.setenv("TRACKSIDE_CORES", str(one))
        node.take_cores()
        assert os.sched_getaffinity(0) == {one}
    finally:
        os.sched_setaffinity(0, before)


@pytest.mark.django_db
@pytest.mark.parametrize(("counted", "asked"), [({"all": 1, "head": 1}, 1), (None, 2)])
def test_the_full_catalogue_is_asked_for_only_where_the_quick_one_leaves_something_out(
    stage: Path, monkeypatch: pytest.MonkeyPatch, counted: Any, asked: int
) -> None:
    here = node.Here()
    here.register()
    answer = {"backbones": [{"name": "resnet18", "activation": counted}]}
    heard: list[tuple[str, ...]] = []

    def catalogue(*options: str) -> dict[str, Any]:
        heard.append(options)
        return answer

    monkeypatch.setattr(here.asking, "catalogue", catalogue)
    here.learn()
    assert heard == [("--quick",), ()][:asked]
    assert Node.objects.get().catalogue == answer
