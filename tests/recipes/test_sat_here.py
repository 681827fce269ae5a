"""What a witness of a GPU asks of its own process, and that scoring has one too."""

import os
from pathlib import Path

import pytest
import torch

from recipes.engine import sat
from recipes.learners.learner import WrongDevice
from tests.recipes.tabling import small, train
from tests.recipes.test_gpu_parity import alike, on_a_leased_gpu, scored
from tests.recipes.test_sat import two_cards
from tests.workers.nvml import Process


def test_only_in_the_namespace_of_the_machine_are_the_numbers_those_of_nvml(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = os.stat("/proc/self/ns/pid").st_ino
    monkeypatch.setattr(sat, "MACHINE", here)
    assert not sat._apart()
    monkeypatch.setattr(sat, "MACHINE", here + 1)
    assert sat._apart()


def test_what_cuda_does_not_deny_a_process_may_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(place: int) -> bool:
        raise RuntimeError("an unknown error")

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for asked, holds in ((lambda place: place == 1, True), (lambda place: False, False),
                         (broken, True), (None, True)):  # fmt: skip
        monkeypatch.setattr(torch._C, "_cuda_hasPrimaryContext", asked, raising=False)
        assert sat._holds() is holds


def test_a_scoring_on_another_gpu_than_the_leased_one_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = train(tmp_path / "model", small()) / "bundle"
    driver = two_cards(monkeypatch)
    driver.cards[0].uuid = "GPU-0"
    on_a_leased_gpu(monkeypatch, alike)
    driver.cards[0].processes = [Process(os.getpid())]
    assert (scored(tmp_path / "there", bundle) / "output").exists()
    driver.cards[0].processes, driver.cards[1].processes = [], [Process(os.getpid())]
    with pytest.raises(WrongDevice, match=r"leased GPU 0 .* on GPU 1 .* instead"):
        scored(tmp_path / "elsewhere", bundle)
    assert not (tmp_path / "elsewhere" / "score" / "output").exists()
