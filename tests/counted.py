"""What the networks cost, counted once for all installations of a run, whoever starts them; and
what this machine can do, which each agent asks as it starts.

A new one counts for half a minute of a core for each of its nodes, and asks for five seconds more.
The first does; the others begin with what it has kept in its storage and its home up to then, as
each start of theirs but the first one would.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path

from tests import prepared

KEPT = Path("weights") / "catalogue.json"
TOLD = "catalogue.json"
_numbers = count()


@contextmanager
def beforehand(storage: Path, *homes: Path) -> Iterator[None]:
    with ExitStack() as stack:
        stack.enter_context(_shared("counted", storage / KEPT))
        for home in homes:
            stack.enter_context(_shared("told", home / TOLD))
        yield


@contextmanager
def _shared(name: str, kept: Path) -> Iterator[None]:
    if not kept.exists() and (known := _known(name)):
        kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept.write_text(known)
    mine = prepared.place() / f"{name}-{os.getpid()}-{next(_numbers)}"
    mine.symlink_to(kept)
    yield
    if kept.exists():  # it goes with its storage
        left = mine.with_name(f"left-{mine.name}")
        left.write_text(kept.read_text())
        left.rename(mine)


def _known(name: str) -> str:
    """Of the one that knows most, whether it is at work or gone."""
    texts = [""]
    for one in prepared.place().glob(f"{name}-*"):
        with suppress(OSError):
            texts.append(one.read_text())
    return max(texts, key=len)
