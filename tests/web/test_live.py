"""The live stream on a real uvicorn with a real Valkey: nothing lost, nothing leaked."""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests import valkey
from tests.product import until
from tests.web.live_client import Web, events, logs, texts
from trackside.jobs.listener import MOST_ITEMS, Item, Listener
from trackside.jobs.topics import BadTopics, Topics, parse, positions


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with valkey.running() as broker, tempfile.TemporaryDirectory() as home:
        one = Web(Path(home), broker)
        try:
            yield one
        finally:
            one.stop()


pytestmark = pytest.mark.process


def test_an_event_reaches_the_stream_with_its_number(web: Web) -> None:
    job = web.do("submit")
    with web.stream(f"job:{job['job']}", f"job:{job['job']}@{job['seq']}") as stream:
        web.do("log", job=job["job"], texts=["hello"])
        event = next(stream)
    assert event["event"] == "job"
    assert event["id"] == f"job:{job['job']}@{job['seq'] + 1}"
    assert event["data"]["data"] == {"text": "hello"}


def test_a_dropped_stream_goes_on_where_it_was(web: Web) -> None:
    one = web.do("submit")
    with web.stream(f"job:{one['job']}", f"job:{one['job']}@0") as stream:
        web.do("log", job=one["job"], texts=["a", "b"])
        seen = [next(logs(stream)) for _ in range(2)]
    web.do("log", job=one["job"], texts=["c", "d"])
    again = {"Last-Event-ID": seen[-1]["id"]}
    with web.stream(f"job:{one['job']}", "job:1@0", **again) as stream:
        web.do("log", job=one["job"], texts=["e"])
        assert texts(stream, 3) == ["c", "d", "e"]


def test_headers_keep_proxies_and_gzip_away(web: Web) -> None:
    job = web.do("submit")
    with web.client() as one, one.stream("GET", f"/live/?t=job:{job['job']}") as answer:
        headers = answer.headers
    assert headers["content-type"] == "text/event-stream"
    assert headers["content-encoding"] == "identity"
    assert headers["cache-control"] == "no-cache, no-transform"
    assert headers["x-accel-buffering"] == "no"


def test_a_script_follows_a_job_to_its_end(web: Web) -> None:
    job = web.do("submit")["job"]
    headers = {"Authorization": f"Bearer {web.cookies['token']}"}
    with web.client(None) as one:
        with one.stream("GET", f"/api/v1/jobs/{job}/events", headers=headers) as answer:
            stream = events(answer)
            seen = [next(stream) for _ in range(3)]
            web.do("finish", job=job)
            seen += list(stream)
        again = {**headers, "Last-Event-ID": seen[1]["id"]}
        with one.stream("GET", f"/api/v1/jobs/{job}/events", headers=again) as answer:
            rest = list(events(answer))
    assert [row["event"] for row in seen] == ["job"] * 4 + ["end"]
    assert [row["id"] for row in seen] == ["1", "2", "3", "4", "4"]
    assert rest == seen[2:]


def test_to_an_outsider_a_job_and_a_project_are_absent(web: Web) -> None:
    job = web.do("submit")
    with web.client("dan") as dan:
        for topics in (f"job:{job['job']}", "project:INSECTS", f"gpus,job:{job['job']}"):
            assert dan.get("/live/", params={"t": topics}).status_code == 404
    with web.client() as ada:
        assert ada.get("/live/", params={"t": "job:999999"}).status_code == 404
        assert ada.get("/live/", params={"t": "weather"}).status_code == 400
    with web.client(None) as nobody:
        assert nobody.get("/live/", params={"t": "gpus"}).status_code == 401


def test_a_reader_who_goes_leaves_nothing_behind(web: Web) -> None:
    job = web.do("submit")
    with web.stream(f"job:{job['job']},gpus"):
        until(lambda: web.do("listeners") == 1, "the stream to be joined", every=0.05)
    until(lambda: web.do("listeners") == 0, "the stream to be left", every=0.05)


def test_waiting_streams_hold_no_database_connection(web: Web) -> None:
    job = web.do("submit")
    with ExitStack() as many:
        streams = [many.enter_context(web.stream(f"job:{job['job']}")) for _ in range(20)]
        until(lambda: web.do("listeners") == 20, "all streams", every=0.05)
        until(lambda: web.do("connections") <= 4, "connections to be closed", every=0.05)
        web.do("log", job=job["job"], texts=["to all"])
        assert [texts(stream, 1) for stream in streams] == [["to all"]] * 20


def test_a_project_hears_of_its_jobs_and_everybody_of_the_fleet(web: Web) -> None:
    with web.stream("project:INSECTS,gpus") as stream:
        job = web.do("submit")["job"]
        ours = (one for one in stream if one["event"] == "project")
        found = next(row for one in ours for row in one["data"]["jobs"] if row["id"] == job)
        assert found["state"] in ("queued", "starting")
        web.do("beat", utilization=77.0)
        boards = (one["data"] for one in stream if one["event"] == "gpus")
        next(one for one in boards if one["nodes"][0]["gpus"][0]["utilization"] == 77.0)


def test_without_the_broker_the_stream_says_so_and_goes_on(web: Web) -> None:
    job = web.do("submit")
    with web.stream(f"job:{job['job']}", f"job:{job['job']}@{job['seq']}") as stream:
        until(lambda: web.do("listeners") >= 1, "the stream to be joined", every=0.05)
        web.broker.stop()
        try:
            degraded = {"degraded": True, "why": "broker"}
            assert next(stream) == {"event": "degraded", "data": degraded}
            web.do("log", job=job["job"], texts=["still here"])
            assert texts(stream, 1) == ["still here"]
        finally:
            web.broker.start()
        assert next(one for one in stream if one["event"] == "degraded")["data"] == {
            "degraded": False,
            "why": "",
        }


def test_a_member_who_is_put_out_loses_the_stream(web: Web) -> None:
    """Last: nobody is a member of the project afterwards."""
    job = web.do("submit")
    web.do("check_often")
    with web.stream(f"job:{job['job']}") as stream:
        web.do("leave")
        assert list(stream) == []


def test_a_reader_who_is_too_slow_is_told_to_look_anew() -> None:
    async def overflow() -> list[str]:
        slow = Listener(Topics())
        for number in range(MOST_ITEMS + 1):
            slow.give(Item("gpus", data=number))
        return [(await slow.take()).kind for _ in range(len(slow))]

    assert asyncio.run(overflow()) == ["resync", "gpus"]


@pytest.mark.parametrize("topics", ["", "job:x", "job:", "weather", "job:1," * 201])
def test_topics_that_make_no_sense_are_refused(topics: str) -> None:
    with pytest.raises(BadTopics):
        parse(topics, "")


def test_positions_that_make_no_sense_are_left_out() -> None:
    assert positions("job:1@5,job:2@x,gpus,job:3@,@4,job:4@" + "9" * 99) == {1: 5}
