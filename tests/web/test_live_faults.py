"""What breaks around the live streams: the broker, the database, the web itself, slow readers."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import redis

from tests import postgres, valkey
from tests.product import ROOT, until
from tests.web.live_client import Event, Web, events, logs, texts
from trackside.jobs.listener import MOST_HELD

pytestmark = pytest.mark.process


@contextmanager
def started(database: str = "") -> Iterator[Web]:
    with valkey.running() as broker, tempfile.TemporaryDirectory() as home:
        one = Web(Path(home), broker, database)
        try:
            yield one
        finally:
            one.stop()


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with started() as one:
        yield one


def degraded(stream: Iterator[Event], why: str) -> None:
    """Read on until the stream says so."""
    next(one for one in stream if one["event"] == "degraded" and one["data"]["why"] == why)


# The broker ---------------------------------------------------------------------------------------


def test_a_killed_broker_costs_nothing_but_time(web: Web) -> None:
    job = web.do("submit")
    with web.stream(f"job:{job['job']}", f"job:{job['job']}@{job['seq']}") as stream:
        web.do("log", job=job["job"], texts=["before"])
        assert texts(stream, 1) == ["before"]
        assert web.broker.process is not None
        web.broker.process.kill()
        degraded(stream, "broker")
        web.do("log", job=job["job"], texts=["without 1", "without 2"])
        assert texts(stream, 2) == ["without 1", "without 2"]
        web.broker.stop()
        web.broker.start()
        degraded(stream, "")
        web.do("log", job=job["job"], texts=["after"])
        assert texts(stream, 1) == ["after"]


def test_a_broker_that_lost_everything_is_not_missed(web: Web) -> None:
    job = web.do("submit")
    with web.stream(f"job:{job['job']}", f"job:{job['job']}@{job['seq']}") as stream:
        with redis.Redis(unix_socket_path=str(web.broker.socket)) as client:
            client.flushall()
        web.do("log", job=job["job"], texts=["a", "b"])
        assert texts(stream, 2) == ["a", "b"]


def test_a_broker_that_hangs_is_noticed(web: Web) -> None:
    job = web.do("submit")
    assert web.broker.process is not None
    with web.stream(f"job:{job['job']}", f"job:{job['job']}@{job['seq']}") as stream:
        web.do("log", job=job["job"], texts=["before"])
        assert texts(stream, 1) == ["before"]
        web.broker.process.send_signal(signal.SIGSTOP)
        try:
            web.do("log", job=job["job"], texts=["meanwhile"])
            assert texts(stream, 1) == ["meanwhile"]
            degraded(stream, "broker")
        finally:
            web.broker.process.send_signal(signal.SIGCONT)
        degraded(stream, "")


# The database -------------------------------------------------------------------------------------


def test_a_database_that_comes_back_finds_its_streams_whole() -> None:
    with postgres.running() as url, started(url) as web:
        job = web.do("submit")
        with web.stream(f"job:{job['job']}", f"job:{job['job']}@{job['seq']}") as stream:
            web.do("log", job=job["job"], texts=["before"])
            assert texts(stream, 1) == ["before"]
            pg(url, "stop", "-m", "immediate")
            degraded(stream, "database")
            pg(url, "start", "-o", options(url))
            degraded(stream, "")
            web.do("log", job=job["job"], texts=["after"])
            assert texts(stream, 1) == ["after"]


def pg(url: str, *what: str) -> None:
    where = postgres.binaries()
    assert where is not None
    data = Path(parse_qs(urlsplit(url).query)["host"][0]) / "data"
    postgres._run(where / "pg_ctl", "-D", data, "-l", data / "log", "-w", *what)


def options(url: str) -> str:
    home = parse_qs(urlsplit(url).query)["host"][0]
    return f"-k {home} -c listen_addresses= -c fsync=off"


# Readers ------------------------------------------------------------------------------------------


def test_who_signs_out_loses_the_stream_and_may_not_come_back(web: Web) -> None:
    job = web.do("submit")
    web.do("check_often")
    with web.stream(f"job:{job['job']}") as stream:
        web.do("sign_out", who="ada")
        assert list(stream) == []
    with web.client() as gone:
        assert gone.get("/live/", params={"t": f"job:{job['job']}"}).status_code == 401
    web.cookies["ada"] = web.do("sign_in", who="ada")


def test_who_never_reads_costs_a_bounded_queue_and_is_told(web: Web) -> None:
    job = web.do("submit")
    with socket.socket(socket.AF_UNIX) as mute:
        mute.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        mute.connect(str(web.socket))
        query = f"/live/?t=job:{job['job']}&last=job:{job['job']}@{job['seq']}"
        cookie = f"Cookie: trackside={web.cookies['ada']}"
        request = f"GET {query} HTTP/1.1\r\nHost: localhost\r\n{cookie}\r\n\r\n"
        mute.sendall(request.encode())
        until(lambda: web.do("listeners") == 1, "the stream to be joined", every=0.05)
        for _ in range(40):
            web.do("log", job=job["job"], texts=["x" * 20_000] * 5)
            assert web.do("held") <= MOST_HELD
            time.sleep(0.05)  # so that the hub reads them as several items
        mute.settimeout(30)
        seen = b""
        while b"event: resync" not in seen:
            piece = mute.recv(2**16)
            assert piece, "the stream has ended"
            seen = seen[-100:] + piece
    until(lambda: web.do("listeners") == 0, "the stream to be left", every=0.05)


def test_more_streams_than_fit_are_refused_and_may_ask_again(web: Web) -> None:
    job = web.do("submit")
    web.do("most_streams", number=2)
    try:
        with ExitStack() as two:
            for _ in range(2):
                two.enter_context(web.stream(f"job:{job['job']}"))
            until(lambda: web.do("listeners") == 2, "both streams", every=0.05)
            with web.client() as third:
                refused = third.get("/live/", params={"t": f"job:{job['job']}"})
                asking = third.get("/live/", params={"t": f"job:{job['job']}", "once": "1"})
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        assert asking.status_code == 200
    finally:
        web.do("most_streams", number=4000)


def test_who_cannot_hold_a_stream_asks_again_and_again(web: Web) -> None:
    """The same events as the stream's, in answers that end; each goes on where the last ended."""
    job = web.do("submit")
    seen: list[Event] = []
    with web.client() as one:
        for round_ in range(3):
            web.do("log", job=job["job"], texts=[f"{round_}a", f"{round_}b"])
            last = seen[-1]["id"] if seen else f"job:{job['job']}@{job['seq']}"
            params = {"t": f"job:{job['job']},gpus,project:INSECTS", "last": last, "once": "1"}
            with one.stream("GET", "/live/", params=params) as answer:
                assert answer.headers["content-type"].startswith("text/plain")
                found = list(events(answer))
            assert {row["event"] for row in found} == {"job", "gpus", "project"}
            seen += [row for row in found if row["event"] == "job"]
    told = [row["data"]["data"]["text"] for row in logs(iter(seen))]
    assert told == ["0a", "0b", "1a", "1b", "2a", "2b"]


def test_a_first_comment_fills_what_proxies_hold_back(web: Web) -> None:
    job = web.do("submit")
    with web.client() as one, one.stream("GET", f"/live/?t=job:{job['job']}") as answer:
        first = next(answer.iter_raw())
    assert first.startswith(b":")
    assert len(first) > 2048
    assert b"retry: " in first


# The web itself -----------------------------------------------------------------------------------


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
    second: Second, old: "subprocess.Popen[bytes]", rolling: bool, tell: "object"
) -> "subprocess.Popen[bytes]":
    """SIGTERM while events are told and requests are made."""
    assert callable(tell)
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
