"""On which GPU a training's process was, by NVML: a driver that says what it is made to say."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from recipes.engine import facts, nvml, sat, training
from recipes.engine.nvml import Device, Look
from recipes.engine.peers import Peers
from recipes.engine.sat import Sat, Witness, agreed, judged
from recipes.engine.tabular import training as of_tables
from recipes.events import Journal
from recipes.job import Compute, read
from recipes.kinds import KINDS
from recipes.learners import on_cuml
from recipes.learners.learner import WrongDevice
from tests.recipes import making, tabling
from tests.recipes.making import events
from tests.recipes.test_on_cuml import Classes, Numbers
from tests.workers.nvml import GB, Card, Nvml, Process

OURS, THEIRS = 4711, 4712
MINE = Device("GPU-b", "GPU 1 (NVIDIA H200)", {OURS: 3 * GB})
OTHER = Device("GPU-a", "GPU 0 (NVIDIA H200)", {})


def where(mine: dict[int, int | None], other: dict[int, int | None], **more: Any) -> Look:
    there = replace(MINE, processes=mine), [replace(OTHER, processes=other)]
    return Look(*there, **more)


CASES: dict[str, tuple[Look, dict[str, Any], bool | None, str]] = {
    "there": (where({OURS: 3 * GB, THEIRS: GB}, {THEIRS: GB}), {}, True,
              "on GPU 1 (NVIDIA H200), with 3.0 GiB. How busy the GPU was with it NVML does not"),
    "there, and working": (where({OURS: 3 * GB}, {}, busy=87), {"before": GB // 2}, True,
              "with 3.0 GiB, 2.5 GiB more than in the beginning, busy with it for up to 87 % of"),
    "there, with nothing on top": (where({OURS: GB}, {}, busy=0), {"before": GB}, True,
              "with 1.0 GiB. NVML's samples, which are of the last moments, have it idle."),
    "there, with no word on memory": (where({OURS: None}, {}), {"before": None}, True,
              "on GPU 1 (NVIDIA H200). How busy"),
    "elsewhere": (where({THEIRS: GB}, {OURS: GB}), {}, False,
              "This job leased GPU 1 (NVIDIA H200), and NVML saw its process 4711 on GPU 0 "
              "(NVIDIA H200) instead. Look at the node's driver"),
    "nowhere": (where({}, {}), {"holds": False}, False, "saw its process 4711 on no GPU of the"),
    "nowhere, where CUDA has it": (where({}, {}), {}, None, "the driver lists it on none"),
    "numbers of another container": (where({}, {OURS: GB}), {"doubt": "apart"}, None, "apart"),
    "no driver": (Look(silent="no driver"), {"holds": False}, None, "no driver"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_follows_from_what_nvml_lists(case: str) -> None:
    look, known, seen, text = CASES[case]
    found = judged(look, OURS, **known)
    assert found.seen is seen
    assert text in found.text
    assert found.warning == ""
    there = (look.mine.processes.get(OURS), look.busy) if look.mine and seen else (None, None)
    assert (found.memory, found.utilisation) == there


def test_one_that_is_on_a_second_gpu_too_is_warned_of() -> None:
    found = judged(where({OURS: GB}, {OURS: GB}), OURS)
    assert found.seen
    assert "on GPU 0 (NVIDIA H200) too, which its rank did not lease" in found.warning


def test_of_several_ranks_the_worst_counts_and_else_the_fullest(tmp_path: Path) -> None:
    few, many = (judged(where({OURS: size}, {}), OURS) for size in (GB, 5 * GB))
    blind = Sat(seen=None, text="no driver")
    astray = replace(judged(where({}, {OURS: GB}), OURS), warning="never told")
    journal = Journal(tmp_path)
    assert agreed([None, None], journal) == {}
    told = agreed([few, many], journal)["nvml"]
    assert (told["seen"], told["memory"], told["utilisation"]) == (True, 5 * GB, None)
    start = "NVML saw each of this job's 2 processes on its GPU, the fullest one on GPU 1 ("
    assert told["why"].startswith(start)
    told = agreed([many, blind], journal)["nvml"]
    assert told["why"] == "NVML could not tell of rank 1: no driver."
    assert (told["seen"], told["memory"]) == (None, None)
    assert [one["level"] for one in events(tmp_path, "note")] == ["info", "info"]
    with pytest.raises(WrongDevice, match="instead"):
        agreed([many, blind, astray], journal)


def two_cards(monkeypatch: pytest.MonkeyPatch) -> Nvml:
    """A driver on the machine itself; of this process CUDA has nothing yet."""
    made = Nvml(Card("GPU-a", "NVIDIA H200"), Card("GPU-b", "NVIDIA H200"))
    monkeypatch.setitem(sys.modules, "pynvml", made)  # type: ignore[arg-type]
    monkeypatch.setattr(sat, "_apart", lambda: False)
    monkeypatch.setattr(sat, "_holds", lambda: False)
    return made


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Nvml]:
    made = two_cards(monkeypatch)
    yield made
    for card in made.cards:
        if card.hangs is not None:
            card.hangs.set()


def sample(pid: int, share: int, *, at: float) -> Any:
    return SimpleNamespace(pid=pid, smUtil=share, timeStamp=int(at * 1e6))


def test_a_witness_knows_what_came_on_top_and_how_busy_it_was(driver: Nvml) -> None:
    mine, now = driver.cards[1], time.time()
    mine.processes = [Process(os.getpid(), GB // 2)]
    one = Witness("GPU-b")
    mine.processes = [Process(os.getpid(), 2 * GB)]
    mine.samples = [
        sample(os.getpid(), 99, at=now - 60),
        *(sample(os.getpid(), share, at=now + 60) for share in (40, 60, 4_000_000)),
        sample(os.getppid(), 80, at=now + 60),
    ]
    found = one.sat()
    assert (found.seen, found.memory, found.utilisation) == (True, 2 * GB, 60)
    assert "with 2.0 GiB, 1.5 GiB more than in the beginning" in found.text


def test_a_slice_is_a_device_of_its_own(driver: Nvml) -> None:
    card = driver.cards[1]
    card.mig, card.slices = True, [Card(f"MIG-{n}", "NVIDIA H200 MIG 3g.71gb") for n in (1, 2)]
    card.slices[0].processes = [Process(os.getpid(), GB)]
    assert "on GPU 1 (NVIDIA H200 MIG 3g.71gb), with 1.0 GiB" in Witness("MIG-1").sat().text
    assert Witness("MIG-2").sat().seen is False
    card.slices[0].code = 4  # NVML_ERROR_NO_PERMISSION
    found = Witness("MIG-1").sat()
    assert (found.seen, "Insufficient Permissions" in found.text) == (None, True)


def test_a_slice_of_the_very_gpu_is_not_another_one(driver: Nvml) -> None:
    """The GPU was leased whole and is cut: of its slices NVML may tell more than of itself."""
    card = driver.cards[1]
    part = Card("MIG-1", "NVIDIA H200 MIG 3g.71gb", processes=[Process(os.getpid(), GB)])
    card.mig, card.slices = True, [part]
    card.processes = [Process(os.getpid(), GB)]
    found = Witness("GPU-b").sat()
    assert (found.seen, found.warning) == (True, "")
    driver.cards[0].mig, driver.cards[0].slices, card.slices = True, [part], []
    assert "GPU 0" in Witness("GPU-b").sat().warning


def gone(driver: Nvml) -> None:
    driver.cards[1].processes = [Process(2**22 + 1)]  # beyond pid_max
    driver.cards[0].processes = [Process(os.getpid())]


def silent(driver: Nvml) -> None:
    driver.code = 9  # NVML_ERROR_DRIVER_NOT_LOADED


def hanging(driver: Nvml) -> None:
    driver.cards[1].hangs = threading.Event()


def lost(driver: Nvml) -> None:
    driver.cards[1].code = 15  # NVML_ERROR_GPU_IS_LOST


UNKNOWN: dict[str, tuple[Callable[[Nvml], None], str]] = {
    "processes that are not there": (gone, "lists a process 4194305 that is not there"),
    "no driver": (silent, "the driver says 'Driver Not Loaded'"),
    "a driver that hangs": (hanging, "did not answer within 1 seconds"),
    "a card that is lost": (lost, "the driver says 'GPU is lost'"),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_what_nvml_cannot_tell_is_no_verdict(
    driver: Nvml, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    happens, why = UNKNOWN[case]
    monkeypatch.setattr(nvml, "WITHIN", 1.0)
    one = Witness("GPU-b")
    happens(driver)
    found = one.sat()
    assert found.seen is None
    assert why in found.text


def test_others_that_do_not_answer_hide_nothing_of_ones_own(
    driver: Nvml, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nvml, "WITHIN", 1.0)
    driver.cards[1].processes = [Process(os.getpid())]
    driver.cards[0].hangs = threading.Event()
    assert Witness("GPU-b").sat().seen


def test_a_node_without_the_package_or_in_a_container_cannot_tell(
    driver: Nvml, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)  # type: ignore[arg-type]
    assert "nvidia-ml-py is not installed" in Witness("GPU-b").sat().text
    monkeypatch.setattr(sat, "_apart", lambda: True)
    found = Witness("GPU-b").sat()
    assert (found.seen, found.text) == (None, sat.APART)


def test_a_rank_is_judged_by_the_gpu_that_it_leased() -> None:
    pair = Compute(device="cuda", ranks=2, uuids=("GPU-a", "GPU-b"))
    made = [sat.witness(torch.device("cuda", place), pair) for place in (0, 1)]
    assert [one and one._uuid for one in made] == ["GPU-a", "GPU-b"]
    assert sat.witness(torch.device("cpu"), pair) is None, "as of simulated GPUs"


def table(home: Path, monkeypatch: pytest.MonkeyPatch, algorithm: str = "svm") -> Path:
    """A training on a leased GPU, whose library and name are stand-ins."""
    svm = SimpleNamespace(SVC=Classes, SVR=Numbers)
    monkeypatch.setitem(sys.modules, "cuml.svm", svm)  # type: ignore[arg-type]
    monkeypatch.setattr(on_cuml.extras, "installed", lambda name: "26.10.0")
    monkeypatch.setattr(of_tables, "device_name", lambda compute, device: "NVIDIA H200")
    monkeypatch.setattr(facts, "_peak_memory", lambda device: GB)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (80 * GB, 80 * GB))
    compute = {"device": "cuda", "uuids": ("GPU-b",)}
    data = tabling.dataset(home / "data", tabling.small())
    folder = tabling.job(home, data, "good", algorithm=algorithm, compute=compute)
    KINDS["train"].run(read(folder), folder, Peers(0, 1, torch.device("cuda", 0)))
    return folder


def test_a_table_that_learned_on_its_gpu_keeps_what_nvml_saw(
    driver: Nvml, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver.cards[1].processes = [Process(os.getpid(), 2 * GB)]
    folder = table(tmp_path, monkeypatch)
    (told,) = events(folder, "finished")
    assert told["facts"]["nvml"] == {
        "seen": True,
        "why": "NVML saw this job's process on GPU 1 (NVIDIA H200), with 2.0 GiB. How busy the GPU "
        "was with it NVML does not say.",
        "memory": 2 * GB,
        "utilisation": None,
    }
    assert told["facts"]["nvml"]["why"] in [one["text"] for one in events(folder, "note")]


def test_a_table_that_learned_elsewhere_is_no_model(
    driver: Nvml, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver.cards[0].processes = [Process(os.getpid())]
    with pytest.raises(WrongDevice, match=r"leased GPU 1 .* on GPU 0 .* instead"):
        table(tmp_path, monkeypatch)
    assert not (tmp_path / "job" / "bundle").exists()


def test_an_algorithm_that_leaves_the_gpu_idle_is_not_asked_about(
    driver: Nvml, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (told,) = events(table(tmp_path, monkeypatch, "extra_trees"), "finished")
    assert "nvml" not in told["facts"]


def pictures(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A training on the CPU that is taken for one on the leased GPU."""
    clock = training.Clock

    def on_gpu(device: torch.device, compute: Compute) -> training.Clock:
        made = clock(device, compute)
        made._witness = Witness("GPU-b")
        return made

    monkeypatch.setattr(training, "Clock", on_gpu)
    data = making.dataset(home / "data", {"red": 6, "blue": 6})
    folder = making.job(home, data, training={"epochs": 1})
    tabling.run(folder)
    return folder


def test_a_training_on_pictures_keeps_it_too(
    driver: Nvml, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver.cards[1].processes = [Process(os.getpid(), GB)]
    (told,) = events(pictures(tmp_path / "there", monkeypatch), "finished")
    assert told["facts"]["nvml"]["memory"] == GB
    driver.cards[:] = [replace(one, processes=[]) for one in driver.cards]
    with pytest.raises(WrongDevice, match="on no GPU"):
        pictures(tmp_path / "nowhere", monkeypatch)


def test_a_training_on_the_cpu_or_a_simulated_gpu_says_nothing_of_it(tmp_path: Path) -> None:
    for name, compute in (("cpu", {}), ("made up", {"device": "cuda", "simulated": True})):
        folder = tabling.train(tmp_path / name, tabling.small(), compute=compute)
        (told,) = events(folder, "finished")
        assert "nvml" not in told["facts"]
        assert not np.any(["NVML" in one["text"] for one in events(folder, "note")])
