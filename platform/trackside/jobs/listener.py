"""One stream's end of the hub, and what it is given: bounded, whatever its reader does."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Literal

from trackside.jobs.news import Line
from trackside.jobs.topics import Topics

MOST_ITEMS = 200
MOST_HELD = 2 * 2**20  # bytes; readers share them, so that this is also about all of them together

Kind = Literal["job", "project", "gpus", "degraded", "resync", "ping", "bye"]


@dataclass(eq=False)
class Item:
    """What a stream is given. `of` is the job or the project that it is about.

    `after`: the lines are all that came after that event; who has not read so far asks the
    database.
    `shown` keeps texts that many readers share; `involved` whom a board names.
    """

    kind: Kind
    of: int = 0
    after: int = 0
    lines: tuple[Line, ...] = ()
    data: Any = None
    shown: dict[Any, bytes] = field(default_factory=dict)
    involved: tuple[set[int], set[int]] | None = None

    @property
    def size(self) -> int:
        return 100 + sum(len(line.text) for line in self.lines)


class Listener:
    """A reader who is too slow loses its queue as a whole, and is told so."""

    def __init__(self, topics: Topics) -> None:
        self.topics = topics
        self._items: deque[Item] = deque()
        self._held = 0
        self._waiter: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        return len(self._items)

    def give(self, item: Item) -> None:
        if item.kind == "ping" and self._items:
            return  # it has something to read
        if len(self._items) >= MOST_ITEMS or self._held + item.size > MOST_HELD:
            self._items.clear()
            self._held = 0
            self._keep(Item("resync"))
        self._keep(item)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _keep(self, item: Item) -> None:
        self._items.append(item)
        self._held += item.size

    async def take(self) -> Item:
        """The next item; one task at a time."""
        while not self._items:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        item = self._items.popleft()
        self._held -= item.size
        return item
