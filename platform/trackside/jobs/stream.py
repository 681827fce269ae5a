"""One reader's stream: what it missed out of the database, then what the hub hears."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from django.db import DatabaseError

from trackside.compute import board
from trackside.jobs import news
from trackside.jobs.hub import ask, hub
from trackside.jobs.listener import Item, Listener
from trackside.jobs.topics import Topics, as_id

CHECK = 45.0  # how often permission is asked again, at most; with the hub's pulse within a minute
MOST_REPLAYED = 3000
PIECE = 2**16  # what is handed to the server at once: it waits when the reader does not take it
# The comment fills the first kilobytes that some proxies wait for.
RETRY = b":" + b" " * 2048 + b"\nretry: 1500\n\n"
PULSE = b": ping\n\n"


def message(event: str, data: Any, identity: str = "") -> bytes:
    head = f"id: {identity}\n" if identity else ""
    body = data if isinstance(data, str) else news.text(data)
    return f"{head}event: {event}\ndata: {body}\n\n".encode()


def pieces(chunks: Iterable[bytes]) -> list[bytes]:
    """The same bytes in fewer pieces, each of about PIECE at most."""
    found: list[bytes] = []
    waiting: list[bytes] = []
    size = 0
    for one in chunks:
        waiting.append(one)
        size += len(one)
        if size >= PIECE:
            found.append(b"".join(waiting))
            waiting, size = [], 0
    return [*found, b"".join(waiting)] if waiting else found


def sight(item: Item, who: board.Viewer) -> board.Viewer:
    """What of `who` matters for this board: equal for all who are shown the same."""
    if item.involved is None:
        item.involved = (set(_named(item.data, "user_id")), set(_named(item.data, "project_id")))
    users, projects = item.involved
    user = who.user if who.user in users else None
    return replace(who, user=user, projects=who.projects & projects)


def _named(one: Any, key: str) -> Iterator[int]:
    """All values of `key`, however deep."""
    if isinstance(one, dict):
        if one.get(key) is not None:
            yield one[key]
        for inner in one.values():
            yield from _named(inner, key)
    elif isinstance(one, list):
        for inner in one:
            yield from _named(inner, key)


class Stream:
    """Everything of several topics; ids tell how far each of its jobs has been read."""

    def __init__(self, topics: Topics, who: board.Viewer, check: Callable[[], bool]) -> None:
        self.topics, self.who, self.check = topics, who, check
        self.listener = Listener(topics)
        self.reached: dict[int, int] = {}
        self.ended = False
        self._moved: dict[int, int] = {}  # the part of `reached` that an id must name
        self._keys = {pk: key for key, pk in topics.projects.items()}
        self._due = 0.0

    async def run(self) -> AsyncIterator[bytes]:
        house = hub()
        try:
            await house.join(self.listener)
            yield RETRY
            async for chunk in self.begin():
                yield chunk
            async for chunk in self.follow():
                yield chunk
        finally:
            house.leave(self.listener)

    async def begin(self) -> AsyncIterator[bytes]:
        """From where the reader is to where the hub is."""
        for chunk in await self.opening():
            yield chunk
        for job, seq in self.topics.jobs.items():
            self.reached[job] = hub().head(job) if seq is None else seq
            async for chunk in self.replay(job):
                yield chunk

    async def follow(self) -> AsyncIterator[bytes]:
        """Until the reader goes, the story ends, or the permission does.

        The permission is asked before something is handed out, so that a reader who has slept does
        not find what came meanwhile.
        """
        clock = asyncio.get_running_loop().time
        self._due = clock() + CHECK * random.uniform(0.6, 1.0)  # not a thousand at once
        while not self.ended:
            item = await self.listener.take()
            if clock() >= self._due:
                if not await self.may_go_on():
                    return
                self._due = clock() + CHECK
            if item.kind == "bye":
                return
            async for chunk in self.take(item):
                yield chunk

    async def may_go_on(self) -> bool:
        """Without the database nobody knows; then there are no news either."""
        try:
            return await ask(self.check)
        except DatabaseError:
            return True

    async def opening(self) -> list[bytes]:
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
        trouble = hub().trouble()
        if trouble.data["degraded"]:
            chunks.append(message("degraded", trouble.data))
        return chunks

    async def replay(self, job: int) -> AsyncIterator[bytes]:
        """From the database, in pieces; too much at once is a matter for a new snapshot."""
        if hub().head(job) - self.reached[job] > MOST_REPLAYED:
            yield self.resync([job])
            return
        more = True
        while more and not self.ended:
            found = await ask(news.lines_after, job, self.reached[job])
            for chunk in pieces(self.told(job, found.lines)):
                yield chunk
            more = found.more

    async def take(self, item: Item) -> AsyncIterator[bytes]:
        if item.kind == "job":
            async for chunk in self.lines(item):
                yield chunk
        elif item.kind == "ping":
            yield PULSE
        elif item.kind == "resync":
            yield self.resync(list(self.topics.jobs), everything=True)
        else:
            yield self.show(item)

    def show(self, item: Item) -> bytes:
        """One text for all who may see the same."""
        key = sight(item, self.who) if item.kind == "gpus" else None
        if key not in item.shown:
            data = item.data
            if item.kind == "gpus":
                data = board.show(item.data, self.who)
            elif item.kind == "project":
                data = {"project": self._keys[item.of], "jobs": item.data}
            item.shown[key] = message(item.kind, data)
        return item.shown[key]

    async def lines(self, item: Item) -> AsyncIterator[bytes]:
        """Those that are new. Who lacks some from before them asks the database."""
        job = item.of
        if self.reached[job] < item.after:
            async for chunk in self.replay(job):
                yield chunk
        new = [line for line in item.lines if line.seq > self.reached[job]]
        if not new or self.ended:
            return
        key = (type(self), new[0].seq) if len(self.topics.jobs) == 1 else None
        if key in item.shown:
            self.reached[job] = self._moved[job] = new[-1].seq
            yield item.shown[key]
            return
        made = pieces(self.told(job, new))
        if key is not None and len(made) == 1 and not self.ended:
            item.shown[key] = made[0]
        for chunk in made:
            yield chunk

    def told(self, job: int, lines: Iterable[news.Line]) -> Iterable[bytes]:
        return (self.line(job, line) for line in lines)

    def line(self, job: int, line: news.Line) -> bytes:
        self.reached[job] = self._moved[job] = line.seq
        return message("job", line.text, as_id(self._moved))

    def resync(self, jobs: list[int], *, everything: bool = False) -> bytes:
        """The reader must fetch what it shows anew; the stream goes on from now."""
        for job in jobs:
            self.reached[job] = max(hub().head(job), self.reached.get(job, 0))
            self._moved[job] = self.reached[job]
        named = [f"job:{job}" for job in jobs]
        if everything:
            named += [f"project:{key}" for key in self.topics.projects]
            named += ["gpus"] if self.topics.gpus else []
        return message("resync", {"topics": named}, as_id(self._moved))


class Glance(Stream):
    """What a stream would begin with, and no more: for a browser that streams do not reach."""

    async def text(self) -> bytes:
        heads = await ask(news.heads, list(self.topics.jobs))
        chunks = await self.opening()
        for job, seq in self.topics.jobs.items():
            self.reached[job] = heads.get(job, 0) if seq is None else seq
            if heads.get(job, 0) - self.reached[job] > MOST_REPLAYED:
                self.reached[job] = heads[job]
                chunks.append(message("resync", {"topics": [f"job:{job}"]}))
            chunks += [chunk async for chunk in self.replay(job)]
        return b"".join(chunks)


class OneJob(Stream):
    """A job's whole story for a script: plain numbers as ids, and an end."""

    def __init__(self, job: int, after: int, check: Callable[[], bool]) -> None:
        super().__init__(Topics({job: after}), board.Viewer(None, frozenset()), check)
        self.job = job

    async def run(self) -> AsyncIterator[bytes]:
        async for chunk in super().run():
            yield chunk
        if self.ended:
            yield message("end", {"job": self.job}, str(self.reached[self.job]))

    async def replay(self, job: int) -> AsyncIterator[bytes]:
        """All of it, however much, up to the event that tells of the end."""
        while not self.ended:
            lines = (await ask(news.lines_after, job, self.reached[job])).lines
            for chunk in pieces(self.told(job, lines)):
                yield chunk
            if not lines:
                self.ended = await ask(news.is_over, job, self.reached[job])
                return

    def told(self, job: int, lines: Iterable[news.Line]) -> Iterable[bytes]:
        """Up to the event that tells of the end."""
        for line in lines:
            yield self.line(job, line)
            if line.over:
                return

    async def take(self, item: Item) -> AsyncIterator[bytes]:
        """After an overflow the database has what was dropped."""
        if item.kind == "resync":
            async for chunk in self.replay(self.job):
                yield chunk
        elif item.kind in ("job", "ping"):
            async for chunk in super().take(item):
                yield chunk

    def line(self, job: int, line: news.Line) -> bytes:
        self.reached[job] = line.seq
        self.ended = self.ended or line.over
        return message("job", line.text, str(line.seq))
