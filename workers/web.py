"""The web on a socket that the supervisor holds: `python -m workers.web DESCRIPTOR`."""

import asyncio
import gc
import logging
import resource
import socket
import sys

import uvicorn

WANTED_FILES = 4096  # a stream needs a descriptor, and so does everything else
IDLE = 75  # seconds that a connection may rest: shorter, a request meets it as it closes
GONE = 120_000  # milliseconds in which a peer must have taken what was sent
LAST_GUESTS = 0.3  # seconds for connections that were accepted a moment before the end
_log = logging.getLogger(__name__)


class Web(uvicorn.Server):
    """Ends without a failed request: the socket outlives it, and streams go on with the next."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.collect()
        gc.freeze()  # what is there now stays: looking through it again would hold up all readers

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        from trackside.jobs.hub import hub  # noqa: PLC0415 - when Django has been set up

        for server in self.servers:
            server.close()
        hub().say_goodbye()
        await asyncio.sleep(LAST_GUESTS)
        await super().shutdown(sockets)


def serve(listening: socket.socket) -> None:
    """Until SIGTERM or SIGINT."""
    raise_limit()
    forget_the_dead(listening)
    config = uvicorn.Config(
        "trackside.config.asgi:application",
        timeout_keep_alive=IDLE,
        timeout_graceful_shutdown=3,  # a reader who never reads must not hold us up
        access_log=False,
        log_level="warning",
        lifespan="off",
        server_header=False,
    )
    Web(config).run(sockets=[listening])


def raise_limit() -> None:
    """As many open files as the system allows; a word when that is few."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if 0 <= hard < WANTED_FILES:
        _log.warning(
            "This process may open %d files: the live pages of about %d people. Raise `ulimit -n`.",
            hard,
            max(hard - 200, 1),
        )


def forget_the_dead(listening: socket.socket) -> None:
    """A peer that is gone, or takes nothing of what is sent, loses its connection."""
    if listening.family in (socket.AF_INET, socket.AF_INET6):
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, GONE)


def main(descriptor: int) -> None:
    serve(socket.socket(fileno=descriptor))


if __name__ == "__main__":
    main(int(sys.argv[1]))
