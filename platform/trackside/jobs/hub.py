"""One hub a process: it hears of changes, reads them once, and hands them to every stream.

Woken by the broker; without it, and in any case every few seconds, by a look at the database.
"""

import asyncio
import logging
import resource
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from django.db import DatabaseError

from trackside.compute import board
from trackside.jobs import news
from trackside.jobs.ear import Ear
from trackside.jobs.listener import Item, Listener

POLL, POLL_ALONE, BOARD_EVERY = 2.0, 0.5, 2.0
PULSE = 15.0  # a sign of life for proxies; a stream whose right is checked is woken by it
COALESCE = 0.03
SLICE = 50  # readers that are served before somebody else has a turn
MOST_STREAMS = 4000
SPARE_FILES = 200  # descriptors that the streams leave to everything else
MOST_KNOWN = 20_000
Answer = TypeVar("Answer")
_log = logging.getLogger(__name__)


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
        self.leaving = False
        self.board: board.Board | None = None
        self._of_job: dict[int, set[Listener]] = {}
        self._of_project: dict[int, set[Listener]] = {}
        self._heads: dict[int, int] = {}
        self._known: dict[int, int] = {}
        self._dirty: set[int] | None = set()
        self._wake = asyncio.Event()
        self._ear = Ear(self._heard, self._hearing, self._changed_ear)
        self._blind = False  # the database does not answer
        self._tasks: list[asyncio.Task[None]] = []
        # A loop holds its tasks weakly: one that still closes its connection must not be collected.
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def full(self) -> bool:
        return self.leaving or len(self.listeners) >= most_streams()

    async def join(self, listener: Listener) -> None:
        self.listeners.add(listener)
        for job in listener.topics.jobs:
            self._of_job.setdefault(job, set()).add(listener)
        for project in listener.topics.projects.values():
            self._of_project.setdefault(project, set()).add(listener)
        if not self._tasks:
            acts: tuple[Coroutine[Any, Any, None], ...] = (
                self._ear.run(),
                self._pump(),
                self._watch_board(),
                self._beat(),
            )
            self._tasks = [asyncio.create_task(act) for act in acts]
        new = [job for job in listener.topics.jobs if job not in self._heads]
        if new:
            for job, seq in (await ask(news.heads, new)).items():
                self._heads.setdefault(job, seq)

    def leave(self, listener: Listener) -> None:
        self.listeners.discard(listener)
        for job in listener.topics.jobs:
            if _parted(self._of_job, job, listener):
                self._heads.pop(job, None)
        for project in listener.topics.projects.values():
            _parted(self._of_project, project, listener)
        if not self.listeners:
            self._rest()

    def _rest(self) -> None:
        for task in self._tasks:
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
            task.cancel()
        self._tasks = []
        self.board = None
        self._known = {}
        self._blind = self._ear.is_deaf = self.degraded = False

    def head(self, job: int) -> int:
        """The last event of a followed job that was given out."""
        return self._heads.get(job, 0)

    def say_goodbye(self) -> None:
        """The process ends: every stream ends now, and its reader goes on with the next one."""
        self.leaving = True
        for one in list(self.listeners):
            one.give(Item("bye"))

    async def _give(self, item: Item, to: Iterable[Listener]) -> None:
        """In slices: a thousand readers must not keep a page waiting."""
        for number, one in enumerate(list(to), start=1):
            one.give(item)
            if number % SLICE == 0:
                await asyncio.sleep(0)

    # What has changed ---------------------------------------------------------------------------

    async def _pump(self) -> None:
        clock = asyncio.get_running_loop().time
        took = 0.0
        while True:
            with suppress(TimeoutError):
                pause = POLL_ALONE if self.degraded else POLL
                await asyncio.wait_for(self._wake.wait(), pause)
            if self._wake.is_set():
                await asyncio.sleep(max(COALESCE, took))  # never more than half of the time
            else:
                self._dirty = None
            self._wake.clear()
            dirty, self._dirty = self._dirty, set()
            begun = clock()
            try:
                await self._read(dirty)
                await self._sees(True)
            except Exception as problem:
                self._dirty = None
                await self._sees(False, problem)
                await asyncio.sleep(POLL)
            took = clock() - begun

    async def _read(self, dirty: set[int] | None) -> None:
        wanted = news.Wanted(dict(self._heads), set(self._of_project), dict(self._known), dirty)
        found = await ask(news.read, wanted)
        self._remember(found.known)
        for job, piece in found.jobs.items():
            head = self._heads.get(job)
            if head is not None and piece.lines and head == wanted.heads[job]:
                self._heads[job] = piece.lines[-1].seq
                item = Item("job", job, head, tuple(piece.lines))
                await self._give(item, self._of_job.get(job, ()))
            if piece.more:
                self._heard(job)
        for project, jobs in found.projects.items():
            item = Item("project", project, data=jobs)
            await self._give(item, self._of_project.get(project, ()))

    def _remember(self, known: dict[int, int]) -> None:
        self._known |= known
        if len(self._known) > MOST_KNOWN:  # the oldest are over; if not, they are told once more
            newest = sorted(self._known)[-MOST_KNOWN // 2 :]
            self._known = {job: self._known[job] for job in newest}

    def _heard(self, job: int) -> None:
        if self._dirty is not None:
            self._dirty.add(job)
        self._wake.set()

    # The board and the pulse --------------------------------------------------------------------

    async def _watch_board(self) -> None:
        shown: Any = None
        while True:
            readers = [one for one in self.listeners if one.topics.gpus]
            with suppress(DatabaseError):  # the pump tells of it
                self.board = await ask(news.whole_board) if readers else None
            if self.board is not None and board.still(self.board) != shown:
                shown = board.still(self.board)
                await self._give(Item("gpus", data=self.board), readers)
            await asyncio.sleep(BOARD_EVERY)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(PULSE)
            await self._give(Item("ping"), self.listeners)

    # What is amiss ------------------------------------------------------------------------------

    def _hearing(self) -> None:
        """News may have been missed until now: all followed jobs are looked at."""
        self._dirty = None
        self._wake.set()
        self._changed_ear()

    def _changed_ear(self) -> None:
        if self._ear.is_deaf != self.degraded:
            self.degraded = self._ear.is_deaf
            for one in list(self.listeners):
                one.give(self.trouble())
        self._wake.set()

    async def _sees(self, now: bool, problem: Exception | None = None) -> None:
        if self._blind != now:
            return
        self._blind = not now
        if self._blind:
            _log.warning("The live streams could not read the database.", exc_info=problem)
        await self._give(self.trouble(), self.listeners)

    def trouble(self) -> Item:
        """What the readers shall know: news come slower, or not at all for the moment."""
        why = "database" if self._blind else "broker" if self.degraded else ""
        return Item("degraded", data={"degraded": bool(why), "why": why})


def _parted(index: dict[int, set[Listener]], key: int, listener: Listener) -> bool:
    """Whether it was the last one there."""
    left = index.get(key, set())
    left.discard(listener)
    if not left:
        index.pop(key, None)
    return not left


def most_streams() -> int:
    """As many as this process may have files open, less some for everything else."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_STREAMS if soft < 0 else max(1, min(MOST_STREAMS, soft - SPARE_FILES))


_hubs: dict[asyncio.AbstractEventLoop, Hub] = {}


def hub() -> Hub:
    """The hub of the running event loop."""
    loop = asyncio.get_running_loop()
    for old in [one for one in _hubs if one.is_closed()]:
        del _hubs[old]
    return _hubs.setdefault(loop, Hub())
