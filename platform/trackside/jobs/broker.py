"""Talking to Redis or Valkey without ever keeping anybody waiting for it.

What goes through the broker may be lost: doorbells have a poll beside them, live news the database.
So an error costs a log line, and after one the broker is left alone for some seconds.
"""

import logging
import time
from collections.abc import Callable

import redis
from django.conf import settings

PAUSE = 5.0
TIMEOUT = 1.0
_log = logging.getLogger(__name__)


def redis_url() -> str:
    """BROKER_URL in redis-py's own words: kombu calls a unix socket `redis+socket`."""
    url: str = settings.BROKER_URL
    return url.replace("redis+socket://", "unix://", 1)


class Fuse:
    """Runs what may fail; after a failure it does nothing for PAUSE seconds."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._until = 0.0

    def run(self, act: Callable[[], object]) -> bool:
        """Whether it was done. Never raises: whatever goes wrong here is not the caller's."""
        if time.monotonic() < self._until:
            return False
        try:
            act()
        except Exception as error:
            self._until = time.monotonic() + PAUSE
            _log.warning("%s did not get through to the broker: %s", self._what, error)
            return False
        self._until = 0.0
        return True

    def reset(self) -> None:
        self._until = 0.0


_client: dict[str, "redis.Redis"] = {}


def client() -> "redis.Redis":
    """One pool of connections a process and broker; every call on it ends within a second."""
    url = redis_url()
    if url not in _client:
        _client[url] = redis.Redis.from_url(
            url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT, retry=None
        )
    return _client[url]


def answers() -> bool:
    """Whether the broker is there."""
    try:
        return bool(client().ping())
    except (redis.RedisError, OSError):
        return False
