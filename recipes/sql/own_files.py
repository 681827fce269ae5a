"""That a SQLite file is none of the platform's: asked of what was opened, not of a name.

Who owns the folder of a connected file may put a link, or another file, in its place at any time.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from recipes.sql.access import Access, Trouble

OPEN = Path("/proc/self/fd")


@contextmanager
def checked(access: Access) -> Iterator[None]:
    """What is opened inside must be the very file of `access`, and nothing of the platform's.

    Raises Trouble. A link is not followed, so that `database` is given without links.
    """
    try:
        # O_PATH: SQLite's locks would go when another descriptor of the file is closed
        known = os.open(access.database, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        raise Trouble(absent(access)) from None
    try:
        told = os.fstat(known)
        if not stat.S_ISREG(told.st_mode):
            raise Trouble(absent(access))
        _refuse(known, told, access.apart)
        before = _descriptors()
        yield
        opened = {one: facts for one, facts in _descriptors().items() if one not in before}
        if not any(os.path.samestat(told, facts) for facts in opened.values()):
            raise Trouble(f"{access.place} is another file than a moment ago. Try again.")
        for one, facts in opened.items():  # its journal too; other threads open files as well
            if _path(one).name.startswith(Path(access.database).name):
                _refuse(one, facts, access.apart)
    finally:
        os.close(known)


def absent(access: Access) -> str:
    """The sentence."""
    if access.called:
        return f"The database file of {access.called} is not on this machine, or may not be read."
    return f"There is no database file {access.database} on this machine, or it may not be read."


def _descriptors() -> dict[int, os.stat_result]:
    """The ordinary files that this process has open."""
    found = {}
    for name in os.listdir(OPEN):
        try:
            facts = os.fstat(int(name))
        except OSError:  # the listing's own is gone
            continue
        if stat.S_ISREG(facts.st_mode):
            found[int(name)] = facts
    return found


def _refuse(number: int, told: os.stat_result, apart: Sequence[str]) -> None:
    place = _path(number)
    if any(place.is_relative_to(Path(one).resolve()) for one in apart) or any(
        os.path.samestat(told, own) for one in apart for own in _in(Path(one))
    ):
        raise Trouble("This is a file of Trackside itself: it cannot be read from here.")


def _path(number: int) -> Path:
    """Where the file really is; nowhere when another thread has closed it."""
    try:
        return Path(os.readlink(OPEN / str(number)))
    except OSError:
        return Path()


def _in(place: Path) -> Iterator[os.stat_result]:
    """The file, or those that lie in the folder itself: another name may lead to one of them."""
    with suppress(OSError):  # a folder that this process may not read is not where it lives
        for one in place.iterdir() if place.is_dir() else (place,):
            with suppress(OSError):
                yield one.stat()
