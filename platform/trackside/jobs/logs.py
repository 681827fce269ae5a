"""What a job's processes printed: its end for a page, all of it for a download."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from django.conf import settings

from trackside.jobs import queries
from trackside.jobs.models import Attempt, Job
from trackside.ui.streaming import AT_ONCE

PLAIN = "text/plain; charset=utf-8"


class Log(NamedTuple):
    """What one node wrote in one attempt; the title is empty where there is no other."""

    attempt: int
    title: str
    path: Path
    size: int


def logs(job: Job) -> list[Log]:
    """Those that say something: by attempt, then by node."""
    attempts = list(queries.attempts().filter(job=job).exclude(folder="").order_by("number"))
    found = [log for attempt in attempts for log in _of(attempt) if log.size]
    if len(found) == 1 and len(attempts) == 1:
        return [found[0]._replace(title="")]
    return found


def end(found: Sequence[Log], most: int) -> str:
    """Their last `most` bytes: the newest attempt's first of all, of its nodes in equal parts."""
    ends: dict[Path, bytes] = {}
    for log in sorted(found, key=lambda one: (-one.attempt, one.size)):
        beside = sum(one.attempt == log.attempt and one.path not in ends for one in found)
        if part := most // beside:
            ends[log.path] = _tail(log.path, part)
            most -= len(ends[log.path])
    said = [(log.title, ends[log.path]) for log in found if ends.get(log.path)]
    return "".join(title + text.decode(errors="replace") for title, text in said)


def pieces(found: Iterable[Log]) -> Iterator[str]:
    """The whole of these, however long: read as somebody takes it."""
    for log in found:
        yield log.title
        yield from _read(log.path)


def _of(attempt: Attempt) -> Iterator[Log]:
    """Its parts, in the order of their ranks."""
    number, folder = attempt.number, Path(settings.TRACKSIDE_STORAGE) / attempt.folder
    others = attempt.followers.all()
    where = f" on {attempt.node.name}" if others else ""
    yield _log(number, where, folder)
    for one in others:
        yield _log(number, f" on {one.node.name}", folder / f"n{one.position}")


def _log(attempt: int, where: str, folder: Path) -> Log:
    path = folder / "log.txt"
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        size = 0
    return Log(attempt, f"--- attempt {attempt}{where} ---\n", path, size)


def _tail(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as source:
            source.seek(max(0, path.stat().st_size - most))
            return source.read(most)
    except FileNotFoundError:
        return b""


def _read(path: Path) -> Iterator[str]:
    try:
        source = path.open(errors="replace", newline="")
    except FileNotFoundError:
        return
    with source:
        while piece := source.read(AT_ONCE):
            yield piece
