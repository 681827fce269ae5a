"""A long job's story stays small, its charts true, and its readers lose nothing that matters."""

import asyncio
import math
import resource
from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from tests.web import cast
from trackside.jobs import history, news, services, stream, thinning
from trackside.jobs.history import Entry
from trackside.jobs.hub import Hub, most_streams
from trackside.jobs.listener import MOST_HELD, Item, Listener
from trackside.jobs.models import Event, Job
from trackside.jobs.news import Line
from trackside.jobs.series import MOST, series
from trackside.jobs.stream import OneJob, Stream
from trackside.jobs.topics import Topics
from workers.web import raise_limit

Committed = Callable[..., Any]
# What a job of any length may keep: per type at most twice what stays and a look's worth.
BOUND = sum(2 * (most + newest) for most, newest in history.CHARTED.values())
BOUND += 2 * sum(history.TAILS.values()) + history.THIN_EVERY + 50


def loss(step: int) -> float:
    return 2.0 * math.exp(-step / 20_000) + 0.1 * math.sin(step / 50)


def live_through(job: Job, seconds: int, spikes: set[int], capture: Committed) -> int:
    """A step, its progress and now and then a load, as a training tells them, second by second.

    The most events that there were at a time.
    """
    now, most = timezone.now(), 0
    for begin in range(0, seconds, 200):
        entries = []
        for n in range(begin, min(begin + 200, seconds)):
            value = 50.0 if n in spikes else loss(n)
            entries += [
                Entry("step", {"epoch": n / 1000, "step": n, "loss": value, "lr": 0.1}, now),
                Entry("progress", {"done": n / 1000, "of": 999}, now),
            ]
            if n % 2 == 0:
                entries.append(Entry("load", {"cpu": float(n % 100), "gpus": []}, now))
        with capture(execute=True):
            history.append(job.pk, entries)
        most = max(most, Event.objects.filter(job=job).count())
    return most


def test_three_days_of_steps_stay_bounded_and_keep_their_peaks(
    job: Job, django_capture_on_commit_callbacks: Committed
) -> None:
    """One in eight of three days' seconds: 81,000 events, four times what may stay."""
    seconds, spikes = 3 * 86400 // 8, {77, 10_000, 20_001, 32_000}
    most = live_through(job, seconds, spikes, django_capture_on_commit_callbacks)
    assert most <= BOUND < seconds
    job.refresh_from_db()
    assert job.event_seq > 2 * seconds
    chart = series(job)["steps"]
    assert len(chart["step"]) <= MOST
    assert {n for n, one in zip(chart["step"], chart["loss"], strict=True) if one == 50.0} == spikes
    assert (chart["step"][0], chart["step"][-1]) == (0, seconds - 1)
    widths = [b - a for a, b in pairwise(chart["step"])]
    assert max(widths) < seconds / 200
    assert_true_curve(chart, spikes)


def assert_true_curve(chart: dict[str, list[Any]], spikes: set[int]) -> None:
    """Every number of the chart is one that was told."""
    for step, value in zip(chart["step"], chart["loss"], strict=True):
        assert value == (50.0 if step in spikes else pytest.approx(loss(step)))


def test_at_its_end_a_story_is_thinned_for_the_last_time(
    job: Job, django_capture_on_commit_callbacks: Committed
) -> None:
    live_through(job, 3000, {5}, django_capture_on_commit_callbacks)
    with django_capture_on_commit_callbacks(execute=True):
        services.fail(cast.live(job), reason="It broke.", exit="1")
    counts = {
        type_: Event.objects.filter(job=job, type=type_).count()
        for type_ in ("step", "load", "progress", "state")
    }
    assert counts["step"] <= history.CHARTED["step"][0]
    assert counts["load"] <= history.CHARTED["load"][0]
    assert counts["progress"] == history.TAILS["progress"]
    assert counts["state"] == 4  # queued, assigned, starting, failed
    last = Event.objects.filter(job=job).latest("seq")
    job.refresh_from_db()
    assert (last.seq, last.type) == (job.event_seq, "state")


def test_the_best_epoch_stays(job: Job, django_capture_on_commit_callbacks: Committed) -> None:
    now = timezone.now()
    told = [
        Entry("epoch", {"epoch": n, "val_loss": 1.0 + n % 7, "best": n == 1234}, now)
        for n in range(1, 6001)
    ]
    for begin in range(0, len(told), 500):
        with django_capture_on_commit_callbacks(execute=True):
            history.append(job.pk, told[begin : begin + 500])
    job.refresh_from_db()
    epochs = series(job)["epochs"]
    assert Event.objects.filter(job=job, type="epoch").count() < 5000
    assert epochs["epoch"][epochs["best"].index(True)] == 1234
    assert len(epochs["epoch"]) <= MOST


@given(st.lists(st.none() | st.floats(-5, 5), min_size=1, max_size=400), st.integers(5, 80))
def test_thinning_keeps_ends_and_extremes(values: list[float | None], most: int) -> None:
    seqs = [3 * n + n % 2 for n in range(len(values))]
    stay = thinning.kept(seqs, values, most)
    assert len(stay) <= max(most, 5)
    assert {0, len(values) - 1} <= stay
    numbers = [one for one in values if one is not None]
    kept = [one for place in stay if (one := values[place]) is not None]
    if numbers:
        assert (min(kept), max(kept)) == (min(numbers), max(numbers))


# Readers ------------------------------------------------------------------------------------------


def with_holes(job: Job) -> list[int]:
    """Ten lines, of which some have gone; the numbers of all that are there."""
    now = timezone.now()
    history.append(job.pk, [Entry("log", {"text": str(n)}, now) for n in range(10)])
    job.refresh_from_db()
    first = job.event_seq - 9
    Event.objects.filter(job=job, seq__in=[first, first + 3, first + 4, first + 7]).delete()
    return list(Event.objects.filter(job=job).order_by("seq").values_list("seq", flat=True))


def ids(chunks: list[bytes]) -> list[int]:
    lines = b"".join(chunks).decode().splitlines()
    return [int(one.rpartition("@")[2].split()[-1]) for one in lines if one.startswith("id: ")]


def gathered(chunks: AsyncIterator[bytes]) -> list[bytes]:
    """Without a loop: nothing of it waits."""

    async def all_of_it() -> list[bytes]:
        return [chunk async for chunk in chunks]

    with pytest.raises(StopIteration) as done:
        all_of_it().send(None)
    found: list[bytes] = done.value.value
    return found


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Questions are asked in this thread: it alone sees the test's transaction."""
    quiet = Hub()

    async def ask(act: Callable[..., Any], *args: Any) -> Any:
        return act(*args)

    monkeypatch.setattr(stream, "ask", ask)
    monkeypatch.setattr(stream, "hub", lambda: quiet)


@pytest.mark.parametrize("kind", [Stream, OneJob])
@pytest.mark.parametrize("chunk", [2, 500])
@pytest.mark.usefixtures("here")
def test_a_replay_copes_with_holes(
    job: Job, kind: type[Stream], chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(news, "CHUNK", chunk)
    there = with_holes(job)
    reader = make(kind, job)
    reader.reached = {job.pk: 0}
    assert ids(gathered(reader.replay(job.pk))) == there


def make(kind: type[Stream], job: Job) -> Stream:
    if kind is OneJob:
        return OneJob(job.pk, 0, lambda: True)
    return Stream(Topics({job.pk: 0}), stream.board.Viewer(None, frozenset()), lambda: True)


@pytest.mark.parametrize("kind", [Stream, OneJob])
@pytest.mark.usefixtures("here")
def test_live_lines_with_holes_between_them_are_all_given(job: Job, kind: type[Stream]) -> None:
    there = with_holes(job)
    lines = tuple(news.lines_after(job.pk, there[0]).lines)
    reader = make(kind, job)
    reader.reached = {job.pk: there[0]}
    item = Item("job", job.pk, there[0], lines)
    assert ids(gathered(reader.take(item))) == there[1:]
    assert gathered(reader.take(item)) == []  # nothing twice


@pytest.mark.usefixtures("here")
def test_who_lacks_lines_from_before_gets_them_from_the_database(job: Job) -> None:
    there = with_holes(job)
    reader = make(Stream, job)
    reader.reached = {job.pk: 0}
    item = Item("job", job.pk, there[-2], (Line(there[-1], "{}", over=False),))
    assert ids(gathered(reader.take(item))) == there


def test_what_a_slow_reader_holds_is_bounded_in_bytes() -> None:
    async def overflow() -> tuple[int, list[str]]:
        slow = Listener(Topics({1: 0}))
        line = Line(1, "x" * 20_000, over=False)
        most = 0
        for _ in range(1000):
            slow.give(Item("job", 1, 0, (line,) * 5))
            most = max(most, slow._held)
        return most, [(await slow.take()).kind for _ in range(len(slow))]

    most, kinds = asyncio.run(overflow())
    assert most <= MOST_HELD
    assert kinds[0] == "resync"
    assert set(kinds[1:]) == {"job"}


def test_a_reader_with_something_to_read_is_not_pinged() -> None:
    async def kinds() -> list[str]:
        one = Listener(Topics())
        one.give(Item("gpus"))
        one.give(Item("ping"))
        return [(await one.take()).kind for _ in range(len(one))]

    assert asyncio.run(kinds()) == ["gpus"]


@pytest.mark.parametrize(("files", "streams"), [(64, 1), (1024, 824), (20_000, 4000), (-1, 4000)])
def test_streams_leave_descriptors_to_the_rest(
    files: int, streams: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, files))
    assert most_streams() == streams


def test_the_web_takes_all_the_files_it_may_and_says_when_they_are_few(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    taken: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 1024))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: taken.append(limits))
    raise_limit()
    assert taken == [(1024, 1024)]
    assert "may open 1024 files" in caplog.text
