"""Hears the broker's news in an event loop, and knows when it has become deaf.

A broker that is gone closes the connection; one that hangs says nothing. So it is asked for a sign
of life every few seconds.
"""

import asyncio
import logging
from collections.abc import Callable

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from trackside.jobs import announce, broker

ASK = 3.0  # seconds of silence, after which a sign of life is asked for; as many to answer
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 5.0
_log = logging.getLogger(__name__)


class Ear:
    """`heard(job)` for each news; `hearing()` when what came before may have been missed."""

    def __init__(
        self,
        heard: Callable[[int], None],
        hearing: Callable[[], None],
        deaf: Callable[[], None],
    ) -> None:
        self._heard, self._hearing, self._deaf = heard, hearing, deaf
        self.is_deaf = False

    async def run(self) -> None:
        """Until it is cancelled."""
        pause = FIRST_PAUSE
        while True:
            try:
                await self._listen()
            except Exception as error:  # whatever it is: the database has the truth
                if not self.is_deaf:
                    _log.warning("The broker does not answer (%s): asking the database.", error)
                    pause = FIRST_PAUSE
                    self.is_deaf = True
                    self._deaf()
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _listen(self) -> None:
        client = redis.asyncio.Redis.from_url(
            broker.redis_url(),
            socket_connect_timeout=ASK,
            socket_timeout=ASK,
            retry=Retry(NoBackoff(), 0),
        )
        try:
            async with client.pubsub() as channel:
                await channel.subscribe(announce.CHANNEL)
                await self._follow(channel)
        finally:
            await client.aclose()

    async def _follow(self, channel: "redis.asyncio.client.PubSub") -> None:
        asked = False
        while True:
            message = await channel.get_message(timeout=ASK)
            if message is None:
                if asked:
                    raise TimeoutError("no sign of life")
                asked = True
                await asyncio.wait_for(channel.ping(), ASK)
                continue
            asked = False
            if message["type"] == "subscribe":
                self.is_deaf = False
                self._hearing()
            elif message["type"] == "message":
                self._take(message["data"].decode(errors="replace"))

    def _take(self, text: str) -> None:
        kind, _, job = text.partition(":")
        if kind == "job" and job.isdecimal():
            self._heard(int(job))
