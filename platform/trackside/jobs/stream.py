"""One reader's stream: what it missed out of the database, then what the hub hears."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from trackside.compute import board
from trackside.jobs import news
from trackside.jobs.hub import Item, Listener, ask, hub
from trackside.jobs.topics import Topics, as_id

PING = 15.0
CHECK = 60.0  # how often permission is asked again
MOST_REPLAYED = 3000
RETRY = "retry: 1500\n\n"
PULSE = ": ping\n\n"


def message(event: str, data: Any, identity: str = "") -> str:
    head = f"id: {identity}\n" if identity else ""
    body = data if isinstance(data, str) else news.text(data)
    return f"{head}event: {event}\ndata: {body}\n\n"


class Stream:
    """Everything of several topics; ids tell how far each of its jobs has been read."""

    def __init__(self, topics: Topics, who: board.Viewer, check: Callable[[], bool]) -> None:
        self.topics, self.who, self.check = topics, who, check
        self.listener = Listener(topics)
        self.reached: dict[int, int] = {}
        self.ended = False
        self._keys = {pk: key for key, pk in topics.projects.items()}

    async def run(self) -> AsyncIterator[str]:
        house = hub()
        try:
            await house.join(self.listener)
            yield RETRY
            for chunk in await self.opening():
                yield chunk
            for job, seq in self.topics.jobs.items():
                self.reached[job] = house.head(job) if seq is None else seq
                async for chunk in self.replay(job):
                    yield chunk
            async for chunk in self.follow():
                yield chunk
        finally:
            house.leave(self.listener)

    async def follow(self) -> AsyncIterator[str]:
        """Until the reader goes, the story ends, or the permission does."""
        clock = asyncio.get_running_loop().time
        checked = clock()
        while not self.ended:
            try:
                item = await asyncio.wait_for(self.listener.queue.get(), PING)
            except TimeoutError:
                yield PULSE
            else:
                async for chunk in self.take(item):
                    yield chunk
            if clock() - checked >= CHECK:
                if not await ask(self.check):
                    return
                checked = clock()

    async def opening(self) -> list[str]:
        """What a page that was made a moment ago may already show wrongly."""
        chunks = []
        for pk, key in self._keys.items():
            jobs = await ask(news.current, pk)
            chunks += [message("project", {"project": key, "jobs": jobs})] if jobs else []
        if self.topics.gpus:
            full = hub().board
            if full is None:
                full = await ask(news.whole_board)
            chunks.append(message("gpus", board.show(full, self.who)))
        if hub().degraded:
            chunks.append(message("degraded", {"degraded": True}))
        return chunks

    async def replay(self, job: int) -> AsyncIterator[str]:
        """From the database, in pieces; too much at once is a matter for a new snapshot."""
        if hub().head(job) - self.reached[job] > MOST_REPLAYED:
            yield self.resync()
            return
        while not self.ended:
            lines = await ask(news.lines_after, job, self.reached[job])
            for line in lines:
                yield self.line(job, line)
            if len(lines) < news.CHUNK:
                return

    async def take(self, item: Item) -> AsyncIterator[str]:
        if item.kind == "job":
            async for chunk in self.lines(item.of, item.lines):
                yield chunk
        elif item.kind == "resync":
            yield self.resync()
        elif item.kind == "gpus":
            yield message("gpus", board.show(item.data, self.who))
        elif item.kind == "project":
            yield message("project", {"project": self._keys[item.of], "jobs": item.data})
        else:
            yield message(item.kind, item.data)

    async def lines(self, job: int, lines: tuple[news.Line, ...]) -> AsyncIterator[str]:
        """Those that are new; a hole is filled from the database."""
        for line in lines:
            if line.seq > self.reached[job] + 1:
                async for chunk in self.replay(job):
                    yield chunk
            if line.seq == self.reached[job] + 1 and not self.ended:
                yield self.line(job, line)

    def line(self, job: int, line: news.Line) -> str:
        self.reached[job] = line.seq
        return message("job", line.text, as_id(self.reached))

    def resync(self) -> str:
        """The reader must fetch what it shows anew; the stream goes on from now."""
        for job in self.topics.jobs:
            self.reached[job] = max(hub().head(job), self.reached.get(job, 0))
        named = [f"job:{job}" for job in self.topics.jobs]
        named += [f"project:{key}" for key in self.topics.projects]
        named += ["gpus"] if self.topics.gpus else []
        return message("resync", {"topics": named}, as_id(self.reached))


class OneJob(Stream):
    """A job's whole story for a script: plain numbers as ids, and an end."""

    def __init__(self, job: int, after: int, check: Callable[[], bool]) -> None:
        super().__init__(Topics({job: after}), board.Viewer(None, frozenset()), check)
        self.job = job

    async def run(self) -> AsyncIterator[str]:
        async for chunk in super().run():
            yield chunk
        if self.ended:
            yield message("end", {"job": self.job}, str(self.reached[self.job]))

    async def replay(self, job: int) -> AsyncIterator[str]:
        """All of it, however much, up to the event that tells of the end."""
        while not self.ended:
            lines = await ask(news.lines_after, job, self.reached[job])
            for line in lines:
                yield self.line(job, line)
                if line.over:
                    return
            if not lines:
                self.ended = await ask(news.is_over, job, self.reached[job])
                return

    async def take(self, item: Item) -> AsyncIterator[str]:
        """After an overflow the database has what was dropped."""
        if item.kind == "resync":
            async for chunk in self.replay(self.job):
                yield chunk
        elif item.kind == "job":
            async for chunk in self.lines(item.of, item.lines):
                yield chunk

    def line(self, job: int, line: news.Line) -> str:
        self.reached[job] = line.seq
        self.ended = self.ended or line.over
        return message("job", line.text, str(line.seq))
