"""What breaks around the live streams: the broker, the database, and readers who do not read."""

import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import redis

from tests import postgres, valkey
from tests.product import until
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
