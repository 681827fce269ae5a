"""One process of a cluster under test, and what /proc says of any."""

import signal
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path

from tests.product import ROOT


@dataclass
class Part:
    """One process of the cluster and how to start it again."""

    name: str
    command: list[str]
    environment: dict[str, str]
    log: Path
    descriptors: tuple[int, ...] = ()
    process: "subprocess.Popen[bytes] | None" = None
    wanted: bool = True
    deaths: int = 0
    extra: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._lock = threading.RLock()  # a test and `Cluster.keep` may both want to start it

    def start(self, **extra: str) -> None:
        with self._lock:
            if self.process is not None:
                self.process.wait(60)  # a test has killed it by its number
            self.extra = extra or self.extra
            with self.log.open("ab") as out:
                self.process = subprocess.Popen(
                    self.command,
                    cwd=ROOT,
                    env={**self.environment, **self.extra},
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    pass_fds=self.descriptors,
                    start_new_session=True,
                )
            self.wanted = True

    def keep(self) -> None:
        """Start it again when it has died and nobody holds that off."""
        with self._lock:
            if self.wanted and not self.alive:
                self.deaths += 1
                self.start()

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def end(self, number: signal.Signals, *, wanted: bool = False) -> None:
        """Send the signal and wait for the end. `wanted`: it is to be started again."""
        with self._lock:
            self.wanted = wanted
            if self.process is not None:
                self.process.send_signal(number)
                self.process.wait(60)

    def restart(self, extra: dict[str, str]) -> None:
        """With another environment. SIGTERM leaves jobs alone."""
        with self._lock:
            self.end(signal.SIGTERM)
            self.extra = extra
            self.start()


def environ(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def tail(path: Path, size: int = 1500) -> str:
    return path.read_text(errors="replace")[-size:] if path.exists() else ""
