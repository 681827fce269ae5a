"""A throw-away child: untrusted bytes are parsed nowhere else.

The child is a plain fork (a recipe starts no programs; it only forks, as the gang leader forks its
ranks). Before it sees a byte it closes what it does not need, gives up the network and new
privileges, and takes limits on memory, time, file size and open files. It answers in JSON lines on
a pipe, dies with its parent, and is killed when it is silent for too long. Call from a process's
main thread: Linux ties a child's life to the thread that forked it.
"""

import contextlib
import json
import os
import select
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from recipes.restraint import die_with, restrain

Line = dict[str, Any]  # what JSON can hold
Tell = Callable[[Line], None]

GOODBYE = 10.0  # seconds that a child may take to end
LINE = 4 << 20  # bytes; a longer answer is not ours
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")  # of the environment, where there is a network


class Crashed(Exception):
    """The child died, hung or spoke nonsense; the message says which."""


class Refused(Exception):
    """The input as a whole cannot be used; the message is a sentence for the person who gave it."""

    code = "bad_data"


class BadInput(Refused):
    """Raised inside the child; arrives in the parent as Refused."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one child may take."""

    memory: int = 2 << 30  # bytes on top of what the parent had mapped
    silence: float = 30.0  # seconds between two answers
    cpu: int = 4 * 3600  # seconds in all
    file: int = 200 << 20  # bytes of one written file
    crashes: int = 20  # children lost before the whole input is refused
    network: bool = False  # for what a database sends, alone


def lines(work: Callable[[Tell], None], limits: Limits) -> Iterator[Line]:
    """What `work` tells in a child of its own. Raises Crashed or Refused. Leaves no process."""
    out, into = os.pipe()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        _live(work, into, parent, limits)
    os.close(into)
    try:
        for line in _read(out, limits.silence):
            if "refused" in line:
                raise Refused(str(line["refused"]))
            if "broke" in line:
                raise RuntimeError(f"The child failed:\n{line['broke']}")
            yield line
        _judge(_reap(child), limits)
        child = 0
    finally:
        os.close(out)
        if child:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, 0)


def each(work: Callable[[int, Tell], None], limits: Limits) -> Iterator[Line]:
    """Items one after another: `work(start, tell)` tells {"at": i} before it touches item i.

    When a child is lost at item i this yields {"crashed": i, "why": a sentence} and a fresh child
    goes on behind it. Raises Refused after `limits.crashes` losses, or when one is lost before its
    first item.
    """
    start, lost = 0, 0
    while True:
        at = -1
        try:
            for line in lines(lambda tell, start=start: work(start, tell), limits):  # type: ignore[misc]
                at = int(line.get("at", at))
                yield line
            return
        except Crashed as crash:
            if at < 0:
                raise Refused(f"The file cannot be read: {crash}") from crash
            lost += 1
            yield {"crashed": at, "why": f"The decoder was stopped: {crash}"}
            if lost >= limits.crashes:
                raise Refused(
                    f"{lost} files stopped the decoder, so that the rest was not tried. "
                    "Take the damaged files out and upload it again."
                ) from crash
            start = at + 1


def _read(out: int, silence: float) -> Iterator[Line]:
    waiting = select.poll()
    waiting.register(out, select.POLLIN)
    rest = b""
    while True:
        if not waiting.poll(silence * 1000):
            raise Crashed(f"it gave no answer for {silence:g} seconds.")
        chunk = os.read(out, 1 << 16)
        if not chunk:
            return
        *whole, rest = (rest + chunk).split(b"\n")
        if len(rest) > LINE:
            raise Crashed("its answer has no end.")
        for line in whole:
            yield _parse(line)


def _parse(line: bytes) -> Line:
    try:
        value = json.loads(line)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise Crashed("its answer cannot be read.")
    return value


def _reap(child: int) -> int:
    """The exit code of a child that has closed its pipe; one that stays on is stopped."""
    until = time.monotonic() + GOODBYE
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    raise Crashed("it did not end.")


def _judge(code: int, limits: Limits) -> None:
    if code == 0:
        return
    if code == -signal.SIGXCPU:
        raise Crashed(f"it used more than {limits.cpu} seconds of processor time.")
    if code < 0:
        raise Crashed(f"it crashed ({signal.Signals(-code).name}).")
    raise Crashed(f"it ended with code {code}.")


def _live(work: Callable[[Tell], None], into: int, parent: int, limits: Limits) -> NoReturn:
    """The child's whole life. `os._exit` keeps it out of the parent's clean-up code."""

    def tell(line: Line) -> None:
        rest = memoryview(json.dumps(line, separators=(",", ":")).encode() + b"\n")
        while rest:
            rest = rest[os.write(into, rest) :]

    code = 70
    try:
        _restrict(parent, into, limits)
        try:
            work(tell)
        except BadInput as refusal:
            tell({"refused": str(refusal)})
        except MemoryError:
            tell({"refused": "Reading it needs more memory than an upload may take."})
        except Exception:
            tell({"broke": traceback.format_exc()})
        code = 0
    finally:
        os._exit(code)


def _restrict(parent: int, keep: int, limits: Limits) -> None:
    die_with(parent)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGXCPU):
        signal.signal(number, signal.SIG_DFL)
    void = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(void, standard)
    os.closerange(3, keep)
    os.closerange(keep + 1, 4096)
    kept = {name: os.environ[name] for name in CERTIFICATES if name in os.environ}
    os.environ.clear()
    if limits.network:
        os.environ.update(kept)
    os.umask(0o077)
    restrain(memory=limits.memory, cpu=limits.cpu, file=limits.file, network=limits.network)
