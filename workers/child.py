"""One supervised process: started, read by line, started again with growing pauses, stopped."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STEADY = 60.0  # seconds after which a process counts as well and its next pause is short again
LONGEST_PAUSE = 30.0
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Part:
    """What to run. `stop` is the signal that ends it in order, `grace` the seconds it may take."""

    name: str
    command: tuple[str, ...]
    stop: signal.Signals = signal.SIGTERM
    grace: float = 6.0
    descriptors: tuple[int, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()  # besides what all parts get


def module(name: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", name, *arguments)


def die_with_parent(number: signal.Signals, parent: int) -> None:
    """The kernel sends `number` when the parent ends, however it ends. Call it in the child."""
    _libc.prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


@dataclass
class Child:
    part: Part
    environment: dict[str, str]
    process: "subprocess.Popen[bytes] | None" = None
    failures: int = 0
    started: float = 0.0
    due: float | None = 0.0  # when it starts again; None: it is not to start again
    partial: bytes = field(default=b"", repr=False)

    def start(self, now: float) -> FileIO:
        """Start it in a session of its own, so that Ctrl-C reaches the supervisor alone."""
        parent = os.getpid()
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        self.process = subprocess.Popen(
            self.part.command,
            cwd=ROOT,
            env={**self.environment, **dict(self.part.environment)},
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=subprocess.STDOUT,
            pass_fds=self.part.descriptors,
            start_new_session=True,
            preexec_fn=lambda: die_with_parent(signal.SIGKILL, parent),
        )
        os.close(writing)
        self.started, self.due = now, None
        return os.fdopen(reading, "rb", buffering=0)

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def code(self) -> int:
        return 0 if self.process is None else self.process.wait()

    def ended(self, now: float) -> str:
        """Called once when it has ended: plans the next start, answers a sentence for the log."""
        code, self.process = self.code, None
        if now - self.started > STEADY:
            self.failures = 0
        self.failures += 1
        pause = min(0.5 * 2 ** (self.failures - 1), LONGEST_PAUSE)
        self.due = now + pause
        return f"{self.part.name} {how(code)}; it starts again in {pause:g} s."

    def signal(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def lines(self, source: FileIO, write: Callable[[str, str], None]) -> bool:
        """Pass on what it wrote; False at the end of its output."""
        try:
            data = source.read(65536)
        except OSError:
            return False
        if data is None:
            return True
        *whole, self.partial = (self.partial + data).split(b"\n")
        if not data or len(self.partial) > 65536:
            whole, self.partial = [*whole, self.partial], b""
        for line in whole:
            if line.strip():
                write(self.part.name, line.decode(errors="replace").rstrip())
        return bool(data)


def how(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    return f"was ended by {signal.Signals(-code).name}"
