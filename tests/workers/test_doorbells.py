"""Doorbells through a real Valkey and Celery's own worker thread."""

import threading
import time
from collections.abc import Iterator

import pytest
from django.conf import settings

from tests import valkey
from tests.workers import gangs
from trackside.compute.services import queue_of
from trackside.jobs import doorbell
from workers.doorbells import LATE, MISSED, Doorbells

pytestmark = pytest.mark.process


@pytest.fixture
def ringing(broker: valkey.Valkey) -> Iterator[valkey.Valkey]:
    with valkey.ringing(broker.url):
        yield broker


def test_a_ring_and_a_poke_are_heard_also_after_the_broker_was_away(
    ringing: valkey.Valkey,
) -> None:
    heard: list[int] = []
    poked = threading.Event()
    bells = Doorbells("bell-test", heard.append, poked.set)
    bells.start()
    try:
        gangs.until(lambda: doorbell.ring("bell-test", 7), "the broker")
        gangs.until(lambda: heard == [7], "the doorbell")
        doorbell.poke("bell-test")
        assert poked.wait(60)
        ringing.stop()
        ringing.start()
        gangs.until(lambda: doorbell.ring("bell-test", 8), "the broker again")
        gangs.until(lambda: 8 in heard, "the doorbell after the broker was away")
    finally:
        bells.stop()


def test_a_worker_that_has_turned_deaf_is_replaced_when_the_poll_has_found_its_work(
    ringing: valkey.Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[int] = []
    bells = Doorbells("deaf-test", heard.append, lambda: None)
    bells.start()
    try:
        gangs.until(lambda: doorbell.ring("deaf-test", 1), "the broker")
        gangs.until(lambda: heard == [1], "the doorbell")
        deaf = bells._worker
        assert deaf is not None
        deaf.consumer.cancel_task_queue(queue_of("deaf-test"))
        assert doorbell.ring("deaf-test", 2)
        time.sleep(1)
        assert heard == [1]
        assert not bells.missed(LATE / 2)  # the doorbell may be on its way
        monkeypatch.setattr("workers.doorbells.ears.rang", None)
        assert [bells.missed(2 * LATE) for _ in range(MISSED)] == [False] * (MISSED - 1) + [True]
        gangs.until(lambda: 2 in heard, "the doorbell, by the new worker")
        assert bells._worker is not deaf
        assert not bells.missed(1e9)  # it hears: nothing is counted
    finally:
        bells.stop()


def test_nobody_is_replaced_while_the_broker_is_away(
    broker: valkey.Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "BROKER_URL", "redis+socket:///nowhere/valkey.sock")
    bells = Doorbells("away-test", lambda _attempt: None, lambda: None)
    assert not any(bells.missed(2 * LATE) for _ in range(3 * MISSED))
    bells.stop()
