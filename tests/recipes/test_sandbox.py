"""The throw-away child: whatever it does, the parent hears a sentence and goes on."""

import ctypes
import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from recipes.data.sandbox import BadInput, Crashed, Limits, Refused, Tell, each, lines

# A child that dies is not silent, however long a busy machine takes over its end.
PATIENT = Limits(memory=256 << 20, crashes=3)
QUICK = replace(PATIENT, silence=0.5)


def segfault() -> None:
    ctypes.string_at(0)


def eat() -> None:
    held = []
    while True:
        held.append(bytearray(64 << 20))


def spin() -> None:
    while True:
        pass


def children() -> set[str]:
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


@pytest.fixture(autouse=True)
def nobody_stays() -> Iterator[None]:
    """Every child of ours is gone in the end; others of this process, such as servers, may stay."""
    before = children()
    yield
    assert children() <= before


@pytest.mark.parametrize(
    ("harm", "limits", "says"),
    [
        (segfault, PATIENT, "SIGSEGV"),
        (spin, QUICK, "no answer"),
        (lambda: os._exit(3), PATIENT, "code 3"),
    ],
)
def test_a_child_that_is_lost_is_named_and_gone(
    harm: Callable[[], None], limits: Limits, says: str
) -> None:
    with pytest.raises(Crashed, match=says):
        list(lines(lambda tell: harm(), limits))


def test_memory_ends_in_the_child() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Refused, match="more memory"):
        list(lines(lambda tell: eat(), PATIENT))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10


def test_the_next_item_goes_on_in_a_fresh_child() -> None:
    def work(start: int, tell: Tell) -> None:
        for item in range(start, 6):
            tell({"at": item})
            if item in (2, 4):
                segfault()
            tell({"good": item, "pid": os.getpid()})

    told = list(each(work, PATIENT))
    assert [line["good"] for line in told if "good" in line] == [0, 1, 3, 5]
    assert [line["crashed"] for line in told if "crashed" in line] == [2, 4]
    assert len({line["pid"] for line in told if "pid" in line}) == 3


def test_too_many_crashes_refuse_the_whole() -> None:
    def work(start: int, tell: Tell) -> None:
        tell({"at": start})
        segfault()

    with pytest.raises(Refused, match="3 files stopped the decoder"):
        list(each(work, PATIENT))


def test_a_refusal_is_passed_on_and_nonsense_is_a_crash() -> None:
    def refuse(tell: Tell) -> None:
        raise BadInput("Not this one.")

    with pytest.raises(Refused, match="Not this one"):
        list(lines(refuse, PATIENT))
    with pytest.raises(Crashed, match="cannot be read"):
        list(lines(lambda tell: tell("no object"), PATIENT))  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        list(lines(lambda tell: tell({"x": 1 // 0}), PATIENT))


def test_the_child_has_no_environment_files_or_network() -> None:
    def look(tell: Tell) -> None:
        status = Path("/proc/self/status").read_text()
        nets = Path("/proc/net/dev").read_text().splitlines()[2:]
        tell(
            {
                "environment": len(os.environ),
                "nets": sorted(line.split(":")[0].strip() for line in nets),
                "new privileges": "NoNewPrivs:\t1" in status,
                "core": resource.getrlimit(resource.RLIMIT_CORE)[0],
            }
        )
        tell({"files": len(os.listdir("/proc/self/fd"))})

    told: dict[str, object] = {}
    for line in lines(look, PATIENT):
        told |= line
    assert told["environment"] == 0
    assert told["new privileges"] is True
    assert told["core"] == 0
    assert told["files"] <= 6  # type: ignore[operator]
    if os.geteuid() == 0:
        assert set(told["nets"]) <= {"lo", "tunl0", "sit0"}  # type: ignore[call-overload]


def test_leaving_early_leaves_no_process() -> None:
    def talk(tell: Tell) -> None:
        for number in range(10**9):
            tell({"n": number})

    telling = lines(talk, PATIENT)
    next(telling)
    telling.close()  # type: ignore[attr-defined]


def test_the_child_dies_with_its_parent() -> None:
    out, into = os.pipe()
    parent = os.fork()
    if parent == 0:
        os.close(out)
        for line in lines(lambda tell: (tell({"pid": os.getpid()}), time.sleep(60)), Limits()):
            os.write(into, str(line["pid"]).encode())
        os._exit(0)
    os.close(into)
    child = int(os.read(out, 20))
    os.close(out)
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    until = time.monotonic() + 20
    while _alive(child) and time.monotonic() < until:
        time.sleep(0.01)
    assert not _alive(child)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
