"""One hub a process: it hears of changes, reads them once, and hands them to every stream.

Woken by the broker; without it, and in any case every few seconds, by a look at the database.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, TypeVar

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from trackside.compute import board
from trackside.jobs import announce, broker, news
from trackside.jobs.topics import Topics

POLL, POLL_ALONE, BOARD_EVERY = 2.0, 0.5, 2.0
COALESCE = 0.03
QUEUE = 200
Answer = TypeVar("Answer")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Item:
    """What a stream is given. `of` is the job or the project that it is about."""

    kind: Literal["job", "project", "gpus", "degraded", "resync"]
    of: int = 0
    lines: tuple[news.Line, ...] = ()
    data: Any = None


@dataclass(eq=False)
class Listener:
    """One stream's end of the hub: a reader who is too slow loses its queue as a whole."""

    topics: Topics
    queue: "asyncio.Queue[Item]" = field(default_factory=lambda: asyncio.Queue(QUEUE))

    def give(self, item: Item) -> None:
        if self.queue.full():
            while not self.queue.empty():
                self.queue.get_nowait()
            self.queue.put_nowait(Item("resync"))
        self.queue.put_nowait(item)


async def ask(act: Callable[..., Answer], *args: Any) -> Answer:
    """A database question out of async code, without a connection for whoever waits."""
    call = partial(news.closing, act, *args)
    answer: Answer = await asyncio.get_running_loop().run_in_executor(news.POOL, call)
    return answer


class Hub:
    """Lives from the first stream to the last."""

    def __init__(self) -> None:
        self.listeners: set[Listener] = set()
        self.degraded = False
        self.board: board.Board | None = None
        self._heads: dict[int, int] = {}
        self._known: dict[int, int] = {}
        self._dirty: set[int] | None = set()
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        # A loop holds its tasks weakly: one that still closes its connection must not be collected.
        self._ending: set[asyncio.Task[None]] = set()

    async def join(self, listener: Listener) -> None:
        self.listeners.add(listener)
        if not self._tasks:
            acts = (self._hear(), self._pump(), self._watch_board())
            self._tasks = [asyncio.create_task(act) for act in acts]
        new = [job for job in listener.topics.jobs if job not in self._heads]
        if new:
            for job, seq in (await ask(news.heads, new)).items():
                self._heads.setdefault(job, seq)

    def leave(self, listener: Listener) -> None:
        self.listeners.discard(listener)
        followed = {job for one in self.listeners for job in one.topics.jobs}
        self._heads = {job: seq for job, seq in self._heads.items() if job in followed}
        if not self.listeners:
            for task in self._tasks:
                self._ending.add(task)
                task.add_done_callback(self._ending.discard)
                task.cancel()
            self._tasks = []
            self.board = None
            self._known = {}

    def head(self, job: int) -> int:
        """The last event of a followed job that was given out."""
        return self._heads.get(job, 0)

    def _give(self, item: Item, to: Iterable[Listener]) -> None:
        for one in list(to):
            one.give(item)

    # What has changed ---------------------------------------------------------------------------

    async def _pump(self) -> None:
        while True:
            with suppress(TimeoutError):
                pause = POLL_ALONE if self.degraded else POLL
                await asyncio.wait_for(self._wake.wait(), pause)
            if self._wake.is_set():
                await asyncio.sleep(COALESCE)
            else:
                self._dirty = None
            self._wake.clear()
            dirty, self._dirty = self._dirty, set()
            try:
                await self._read(dirty)
            except Exception:
                _log.exception("The live streams could not read the database.")
                await asyncio.sleep(POLL)

    async def _read(self, dirty: set[int] | None) -> None:
        projects = {pk for one in self.listeners for pk in one.topics.projects.values()}
        wanted = news.Wanted(dict(self._heads), projects, dict(self._known), dirty)
        found = await ask(news.read, wanted)
        self._known |= found.known
        for job, lines in found.jobs.items():
            if job in self._heads and lines:
                self._heads[job] = max(self._heads[job], lines[-1].seq)
                readers = [one for one in self.listeners if job in one.topics.jobs]
                self._give(Item("job", job, tuple(lines)), readers)
            if len(lines) == news.CHUNK:
                self._touch({job})
        for project, jobs in found.projects.items():
            readers = [one for one in self.listeners if project in one.topics.projects.values()]
            self._give(Item("project", project, data=jobs), readers)

    def _touch(self, jobs: set[int]) -> None:
        if self._dirty is not None:
            self._dirty |= jobs
        self._wake.set()

    # The board ----------------------------------------------------------------------------------

    async def _watch_board(self) -> None:
        shown: Any = None
        while True:
            readers = [one for one in self.listeners if one.topics.gpus]
            try:
                self.board = await ask(news.whole_board) if readers else None
            except Exception:
                _log.exception("The live streams could not read the board.")
            if self.board is not None and board.still(self.board) != shown:
                shown = board.still(self.board)
                self._give(Item("gpus", data=self.board), readers)
            await asyncio.sleep(BOARD_EVERY)

    # The broker ---------------------------------------------------------------------------------

    async def _hear(self) -> None:
        pause = 0.5
        while True:
            try:
                await self._subscribed()
            except Exception as error:
                self._degrade(True, str(error))
            await asyncio.sleep(pause)
            pause = min(pause * 2, 10.0) if self.degraded else 0.5

    async def _subscribed(self) -> None:
        client = redis.asyncio.Redis.from_url(
            broker.redis_url(), socket_connect_timeout=2, retry=Retry(NoBackoff(), 0)
        )
        try:
            async with client.pubsub(ignore_subscribe_messages=True) as channel:
                await channel.subscribe(announce.CHANNEL)
                self._degrade(False, "")
                self._dirty = None
                self._wake.set()
                async for message in channel.listen():
                    kind, _, job = message["data"].decode(errors="replace").partition(":")
                    if kind == "job" and job.isdecimal():
                        self._touch({int(job)})
        finally:
            await client.aclose()

    def _degrade(self, now: bool, why: str) -> None:
        if now == self.degraded:
            return
        self.degraded = now
        if now:
            _log.warning("The broker does not answer (%s): live streams ask the database.", why)
        self._give(Item("degraded", data={"degraded": now}), self.listeners)


_hubs: dict[asyncio.AbstractEventLoop, Hub] = {}


def hub() -> Hub:
    """The hub of the running event loop."""
    loop = asyncio.get_running_loop()
    for old in [one for one in _hubs if one.is_closed()]:
        del _hubs[old]
    return _hubs.setdefault(loop, Hub())
