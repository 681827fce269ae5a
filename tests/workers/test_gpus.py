"""What a node says about its GPUs: the simulated fleet, and every reason why there is none."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers import cards, causes, simulated
from workers.cards import BadFleet
from workers.causes import Facts, why_no_gpu
from workers.faults import Faults
from workers.gpus import Gpus
from workers.simulated import inventory, samples

GB = 2**30


def test_a_fleet_is_read_as_written() -> None:
    found = inventory("2xA100-40GB, 1xL4-24GB", "here")
    assert [(one.index, one.name, one.memory_total // GB) for one in found] == [
        (0, "A100 40 GB (simulated)", 40),
        (1, "A100 40 GB (simulated)", 40),
        (2, "L4 24 GB (simulated)", 24),
    ]
    assert [one.capability for one in found] == ["8.0", "8.0", "8.9"]


@given(host=st.text(min_size=1, max_size=20), count=st.integers(1, 64))
def test_uuids_are_stable_and_tell_hosts_apart(host: str, count: int) -> None:
    found = [one.uuid for one in inventory(f"{count}xH100-80GB", host)]
    assert found == [one.uuid for one in inventory(f"{count}xH100-80GB", host)]
    assert len(set(found)) == count
    assert all(one.startswith("GPU-sim-") for one in found)
    assert not set(found) & {one.uuid for one in inventory("64xH100-80GB", host + "x")}


@pytest.mark.parametrize(
    "text", ["H100", "4xH100", "0xH100-80GB", "65xL4-24GB", "2xL4-0GB", "1xL4-24GB,"]
)
def test_a_fleet_that_cannot_be_read_shows_how_to_write_it(text: str) -> None:
    with pytest.raises(BadFleet, match="write for example 4xH100-80GB"):
        inventory(text, "here")


@given(st.text(max_size=40))
def test_no_text_breaks_the_parser(text: str) -> None:
    with suppress(BadFleet):
        assert inventory(text, "here") or text == cards.NONE


def test_a_simulated_device_is_idle_until_a_job_of_ours_holds_it() -> None:
    first, second = inventory("2xH100-80GB", "here")
    idle, loaded = samples([first, second], {second.uuid})
    assert (idle.utilization, loaded.utilization > 50) == (0.0, True)
    assert idle.memory_used < loaded.memory_used < second.memory_total
    assert (idle.power or 0) < (loaded.power or 0) < (second.power_limit or 0)


def test_a_card_is_cut_into_slices_that_are_devices() -> None:
    found = inventory("1xH100-80GB,1xH100-80GB:3g.40gb+2g.20gb", "here")
    assert [(one.index, one.memory_total // GB, one.slots) for one in found] == [
        (0, 80, 4),
        (1, 40, 1),
        (1, 20, 1),
    ]
    assert found[1].parent == found[2].parent != ""
    assert found[1].name == "H100 MIG 3g.40gb (simulated)"
    assert simulated.topology(found)["links"] == {found[0].uuid: {}}


def test_simulated_servers_are_wired_as_real_ones_are() -> None:
    found = inventory("4xA100-80GB,2xL4-24GB", "here")
    wires = simulated.topology(found)
    ways = wires["links"][found[0].uuid]
    assert [ways[one.uuid] for one in found[1:]] == ["NV12", "NV12", "NV12", "SYS", "SYS"]
    assert wires["links"][found[4].uuid][found[5].uuid] == "PHB"
    assert [wires["numa"][one.uuid] for one in found] == [0, 0, 0, 1, 1, 1]


def written(file: Path, **faults: Any) -> Faults:
    file.write_text(json.dumps({"here": faults, "there": {"0": {"dirty": True}}}))
    return Faults(str(file), "here")


@pytest.mark.parametrize(
    ("fault", "health", "broken"),
    [
        ({}, "ok", ""),
        ({"failed": "It needs a reset."}, "failed", "It needs a reset."),
        ({"xid": 79}, "failed", "The driver reported Xid 79: it has fallen off the bus."),
        ({"worn": "It is old."}, "ok", "It is old."),
        ({"ecc": 3, "slowed": "heat"}, "ok", ""),
        ({"dirty": True}, "dirty", ""),
        ({"process": {"user": "eve", "memory_gb": 20}}, "foreign", ""),
    ],
)
def test_a_written_fault_is_seen_at_the_next_sample(
    fault: dict[str, Any], health: str, broken: str, tmp_path: Path
) -> None:
    gpus = Gpus(fake="2xL4-24GB", host="here", faults=written(tmp_path / "f", **{"1": fault}))
    gpus.find()
    sound, spoilt = gpus.sample(())
    assert (sound.health, sound.broken) == ("ok", "")
    assert (spoilt.health, spoilt.broken) == (health, broken)
    assert bool(gpus.taken([spoilt.uuid])) == (health != "ok")
    assert gpus.taken([sound.uuid]) == ""


def test_a_foreign_process_takes_memory_and_is_named(tmp_path: Path) -> None:
    process = {"pid": 99, "user": "eve", "memory_gb": 20}
    gpus = Gpus(
        fake="1xL4-24GB", host="here", faults=written(tmp_path / "f", **{"0": {"process": process}})
    )
    gpus.find()
    (one,) = gpus.sample(())
    assert one.processes == [{"pid": 99, "name": "python", "user": "eve", "memory": 20 * GB}]
    assert one.memory_used == 20 * GB


def test_a_silent_device_sends_no_numbers(tmp_path: Path) -> None:
    gpus = Gpus(
        fake="1xL4-24GB", host="here", faults=written(tmp_path / "f", **{"0": {"silent": True}})
    )
    gpus.find()
    assert gpus.sample(()) == []
    assert "does not answer" in gpus.taken([gpus.facts[0].uuid])


def test_faults_are_read_anew_and_a_bad_file_keeps_the_last_good_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "f"
    known = written(file, **{"0": {"dirty": True}})
    assert known.now()[0].dirty
    file.write_text('{"here": {"0": {"melts": true}}}')
    assert known.now()[0].dirty
    assert "'melts' is no fault; known are dirty, ecc, failed" in caplog.text
    file.write_text("{}")
    assert known.now() == {}
    file.unlink()
    assert known.now() == {}


GOOD: dict[str, Any] = {
    "on_pci": 1,
    "devices": 1,
    "driver": "580.65",
    "driver_cuda": "13.0",
    "torch": "2.14.1",
    "torch_cuda": "13.0",
    "torch_archs": ("sm_80", "sm_90", "compute_90"),
    "capabilities": ("9.0",),
}
ROWS = [
    ("no_device", {"nvml": causes.LIBRARY_NOT_FOUND, "on_pci": 0, "devices": 0}),
    ("no_device", {"on_pci": 0, "devices": 0}),
    ("no_driver", {"nvml": causes.LIBRARY_NOT_FOUND}),
    ("driver_not_loaded", {"nvml": causes.DRIVER_NOT_LOADED}),
    ("container", {"nvml": causes.LIBRARY_NOT_FOUND, "container": True}),
    ("mismatch", {"nvml": causes.MISMATCH, "module": "570.1"}),
    ("lost_in_container", {"nvml": causes.UNKNOWN, "worked_before": True}),
    ("no_permission", {"nvml": causes.NO_PERMISSION}),
    ("no_permission", {"nvml": causes.OPERATING_SYSTEM}),
    ("gpu_lost", {"nvml": causes.GPU_IS_LOST}),
    ("reset_required", {"nvml": causes.RESET_REQUIRED}),
    ("driver_silent", {"nvml": causes.TIMEOUT}),
    ("unknown", {"nvml": causes.UNKNOWN, "said": "Unknown Error"}),
    ("mig_empty", {"empty_mig": True, "devices": 0}),
    ("torch_without_cuda", {"torch_cuda": ""}),
    ("driver_too_old", {"driver_cuda": "12.4"}),
    ("no_kernel", {"capabilities": ("7.0",), "torch_archs": ("sm_80", "sm_90")}),
]


@pytest.mark.parametrize(("code", "found"), ROWS)
def test_each_cause_has_a_sentence_and_steps(code: str, found: dict[str, Any]) -> None:
    cause = why_no_gpu(Facts(**{**GOOD, **found}))
    assert cause is not None
    assert cause["code"] == code
    assert cause["text"].endswith(".")
    assert cause["steps"]


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"torch_cuda": None},
        {"capabilities": ("10.0",)},
        {"capabilities": ("8.9",)},
        {"driver_cuda": "13.1"},
    ],
)
def test_usable_gpus_need_no_cause(found: dict[str, Any]) -> None:
    assert why_no_gpu(Facts(**{**GOOD, **found})) is None


def test_versions_are_named_where_they_matter() -> None:
    cause = why_no_gpu(Facts(**{**GOOD, "driver_cuda": "12.4", "driver": "550.54"}))
    assert cause is not None
    assert "550.54" in cause["text"]
    assert "12.4" in cause["text"]


def test_a_simulated_node_is_never_asked_for_a_driver() -> None:
    gpus = Gpus(fake="1xL4-24GB", host="here")
    gpus.find()
    assert (gpus.why, gpus.taken([gpus.facts[0].uuid])) == (None, "")
    assert simulated.KNOWN["L4"][1] == gpus.facts[0].power_limit
