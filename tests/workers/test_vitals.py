"""What an agent says of itself: its clock against the database's, its storage, its ears."""

import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from tests.workers import gangs
from tests.workers.conftest import Node
from trackside.compute import clock
from trackside.compute.models import Node as NodeRow
from trackside.jobs import doorbell
from workers import vitals
from workers.jobs import ears


@pytest.mark.parametrize("wrong", [3600.0, -40.0, 0.0])
def test_a_clock_that_is_wrong_is_told_in_seconds(
    wrong: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = timezone.now() - timedelta(seconds=wrong)
    monkeypatch.setattr(clock, "now", lambda: there)
    assert vitals.ahead() == pytest.approx(wrong, abs=5)


@pytest.mark.django_db
def test_a_storage_that_hangs_delays_no_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    hung = threading.Event()

    def hang(_: Any) -> Any:
        hung.set()
        threading.Event().wait()

    monkeypatch.setattr(vitals.shutil, "disk_usage", hang)
    monkeypatch.setattr(vitals, "SILENT", 0.05)
    one = vitals.Vitals()
    one.now()
    assert hung.wait(10)
    time.sleep(0.1)
    assert one.now()["storage"] is None


@pytest.mark.django_db
def test_free_space_and_the_last_doorbell_are_told(
    monkeypatch: pytest.MonkeyPatch, stage_storage: Path
) -> None:
    monkeypatch.setattr(ears, "rang", time.monotonic() - 42)
    one = vitals.Vitals()
    one.now()
    free = gangs.until(lambda: one.now()["storage"], "the storage to be looked at")
    assert free > 0
    assert one.now()["heard"] == pytest.approx(42, abs=5)


@pytest.fixture
def stage_storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(settings, "TRACKSIDE_STORAGE", tmp_path)
    return tmp_path


@pytest.mark.process
def test_a_real_agents_heartbeat_carries_its_vitals(node: Node) -> None:
    node.start()

    def told() -> dict[str, Any]:
        said: dict[str, Any] = NodeRow.objects.get(name="here").vitals
        return said if said.get("storage") else {}

    said = gangs.until(told, node.said())
    assert abs(said["clock"]) < 5
    assert said["version"]
    assert said["heard"] is None

    def heard() -> bool:
        doorbell.poke("here")
        return NodeRow.objects.get(name="here").vitals["heard"] is not None

    gangs.until(heard, node.said())
