"""A restart of the web under load: no request fails, no event is lost or doubled."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests import valkey
from tests.product import ROOT, until
from tests.web.live_client import Web, events

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with valkey.running() as broker, tempfile.TemporaryDirectory() as home:
        one = Web(Path(home), broker)
        try:
            yield one
        finally:
            one.stop()


class Second:
    """The product's web on a socket that this test holds, as the supervisor does."""

    def __init__(self, first: Web, home: Path) -> None:
        self.path = home / "s"
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(str(self.path))
        self.listening.listen(128)
        self.env, self.first = first.env, first
        self.log = (home / "log").open("w+")

    def start(self) -> "subprocess.Popen[bytes]":
        descriptor = self.listening.fileno()
        return subprocess.Popen(
            [sys.executable, "-m", "workers.web", str(descriptor)],
            cwd=ROOT,
            env=self.env,
            pass_fds=[descriptor],
            stdout=self.log,
            stderr=self.log,
        )

    def client(self) -> httpx.Client:
        return httpx.Client(
            transport=httpx.HTTPTransport(uds=str(self.path)),
            base_url="http://localhost",
            cookies={"trackside": self.first.cookies["ada"]},
            headers={"Authorization": f"Bearer {self.first.cookies['token']}"},
            timeout=60,
        )


class Follower(threading.Thread):
    """A browser: it reads, and when the stream ends it goes on from the last id."""

    def __init__(self, second: Second, job: int, seq: int) -> None:
        super().__init__()
        self.second, self.job = second, job
        self.ids = [f"job:{job}@{seq}"]
        self.connections = 0
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.is_set():
            headers = {"Last-Event-ID": self.ids[-1], "Accept": "text/event-stream"}
            query = {"t": f"job:{self.job}"}
            with (
                self.second.client() as one,
                one.stream("GET", "/live/", params=query, headers=headers) as answer,
            ):
                self.connections += answer.status_code == 200
                for event in events(answer):
                    self.ids.append(event["id"])
                    if event["data"]["data"].get("text") == "the end":
                        return


class Caller(threading.Thread):
    """Somebody else's requests, each on a connection of its own."""

    def __init__(self, second: Second) -> None:
        super().__init__()
        self.second = second
        self.answers: list[int | str] = []
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.is_set():
            try:
                with self.second.client() as one:
                    self.answers.append(one.get("/api/v1/projects").status_code)
            except httpx.HTTPError as failed:
                self.answers.append(repr(failed))


@pytest.mark.parametrize("rolling", [True, False], ids=["rolling", "one after the other"])
def test_a_restart_fails_no_request_and_loses_no_event(web: Web, rolling: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="ts-", dir="/tmp") as name:
        second = Second(web, Path(name))
        job = web.do("submit")
        old = second.start()
        follower = Follower(second, job["job"], job["seq"])
        callers = [Caller(second) for _ in range(3)]
        for one in (follower, *callers):
            one.start()
        until(lambda: follower.connections, "the stream", every=0.02)
        new = restarted(second, old, rolling, lambda n: say(web, job["job"], n))
        for one in callers:
            one.over.set()
        web.do("log", job=job["job"], texts=["the end"])
        for one in (follower, *callers):
            one.join(60)
            assert not one.is_alive()
        new.terminate()
        codes = [old.wait(), new.wait()]
        second.log.close()
        second.listening.close()
        assert codes in ([0, 0], [-signal.SIGTERM] * 2), (Path(name) / "log").read_text()
    numbers = [int(one.rpartition("@")[2]) for one in follower.ids]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert follower.connections == 2
    answers = [one for caller in callers for one in caller.answers]
    assert set(answers) == {200}, answers


def say(web: Web, job: int, number: int) -> None:
    web.do("log", job=job, texts=[str(number)])


def restarted(
    second: Second, old: "subprocess.Popen[bytes]", rolling: bool, tell: Callable[[int], None]
) -> "subprocess.Popen[bytes]":
    """SIGTERM while events are told and requests are made."""
    new = second.start() if rolling else None
    for number in range(60):
        tell(number)
        time.sleep(0.05)
        if number == 30:
            os.kill(old.pid, signal.SIGTERM)
            if new is None:
                old.wait()
                new = second.start()
    assert new is not None
    return new
