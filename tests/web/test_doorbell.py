"""Doorbells and live news: a broker that is away, hangs or works, and nobody waits for it."""

import json
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from tests import valkey
from tests.web import cast
from trackside.accounts.models import User
from trackside.jobs import announce, broker, doorbell, queries
from trackside.projects.models import Project


@pytest.fixture
def point() -> Iterator[Any]:
    """`point(url)`: from now on the broker is there."""
    with valkey.ringing() as at:
        yield at


def test_without_a_broker_a_ring_is_lost_and_nothing_else(point: Any, tmp_path: Path) -> None:
    point(f"redis+socket://{tmp_path}/none.sock")
    assert doorbell.ring("gpu-01", 1) is False
    assert doorbell.poke("gpu-01") is False


@pytest.mark.process
def test_a_broker_that_hangs_is_given_up(point: Any) -> None:
    """It takes connections and never answers: waiting for ever would be the failure."""
    with (
        tempfile.TemporaryDirectory(prefix="deaf-", dir="/tmp") as folder,
        socket.socket(socket.AF_UNIX) as deaf,
    ):
        deaf.bind(f"{folder}/s")
        deaf.listen(64)
        point(f"redis+socket://{folder}/s")
        assert doorbell.ring("gpu-01", 1) is False
        assert broker.answers() is False
        assert announce.fuse.run(lambda: broker.client().publish("any", "thing")) is False


@pytest.mark.process
def test_after_a_failure_the_broker_is_left_alone_for_a_while(
    point: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    point(f"redis+socket://{tmp_path}/none.sock")
    doorbell.ring("gpu-01", 1)
    with valkey.running() as one:
        monkeypatch.setattr(doorbell, "app", doorbell.app_for(one.url))
        assert doorbell.ring("gpu-01", 2) is False
        doorbell.fuse.reset()
        assert doorbell.ring("gpu-01", 2) is True


@pytest.mark.process
def test_a_doorbell_names_the_attempt_in_the_nodes_own_queue_and_expires(point: Any) -> None:
    with valkey.running() as one, redis.Redis(unix_socket_path=str(one.socket)) as client:
        point(one.url)
        assert doorbell.ring("gpu-01", 7) is True
        raw = client.lrange("trackside:node.gpu-01", 0, -1)
        assert len(raw) == 1
        message = json.loads(raw[0])
        assert message["headers"]["task"] == "workers.jobs.start"
        assert message["headers"]["expires"] is not None
        assert message["headers"]["argsrepr"] == "[7]"


@pytest.mark.process
@pytest.mark.django_db(transaction=True)
def test_a_click_rings_and_is_announced_when_it_is_committed(
    point: Any, project: Project, ada: User
) -> None:
    with valkey.running() as one, redis.Redis(unix_socket_path=str(one.socket)) as client:
        point(one.url)
        cast.node()
        with client.pubsub(ignore_subscribe_messages=True) as channel:
            channel.subscribe(announce.CHANNEL)
            job = cast.submit(project, ada)
            assert client.llen("trackside:node.gpu-01") == 1
            heard = next(message["data"] for message in channel.listen() if message)
            assert heard == f"job:{job.pk}".encode()


@pytest.mark.django_db
def test_readiness_says_what_is_missing(point: Any, tmp_path: Path) -> None:
    point(f"redis+socket://{tmp_path}/none.sock")
    found = queries.readiness()
    assert found["database"] is True
    assert found["broker"] == "The broker does not answer; jobs start some seconds later."
    assert found["nodes"] == "No node is online; jobs wait until an agent has started."
    cast.node()
    assert queries.readiness()["nodes"] is True
