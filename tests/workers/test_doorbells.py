"""Doorbells through a real Valkey and Celery's own worker thread."""

import threading

import pytest

from tests import valkey
from tests.workers import gangs
from trackside.jobs import doorbell
from workers.doorbells import Doorbells

pytestmark = pytest.mark.process


def test_a_ring_and_a_poke_are_heard_also_after_the_broker_was_away(
    broker: valkey.Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(doorbell.app.conf, "broker_url", broker.url)
    heard: list[int] = []
    poked = threading.Event()
    bells = Doorbells("bell-test", heard.append, poked.set)
    bells.start()
    try:
        gangs.until(lambda: doorbell.ring("bell-test", 7), "the broker")
        gangs.until(lambda: heard == [7], "the doorbell")
        doorbell.poke("bell-test")
        assert poked.wait(60)
        broker.stop()
        broker.start()
        gangs.until(lambda: doorbell.ring("bell-test", 8), "the broker again")
        gangs.until(lambda: 8 in heard, "the doorbell after the broker was away")
    finally:
        bells.stop()
