"""How simulated GPUs are written: 4xH100-80GB, 2xA100-40GB,1xL4-24GB, 1xH100-80GB:3g.40gb+2g.20gb.

Light: the supervisor reads it too.
"""

import re
from dataclasses import dataclass

MOST = 64
NONE = "none"  # a node of a simulated fleet that has only its CPU
_PART = re.compile(
    r"(\d{1,3})x([A-Za-z0-9][A-Za-z0-9 .]{0,30})-(\d{1,4})GB(?::(\d+g\.\d+gb(?:\+\d+g\.\d+gb)*))?",
    re.ASCII,
)


class BadFleet(Exception):
    """What is to be simulated cannot be read; the message shows how to write it."""


@dataclass(frozen=True)
class Cards:
    """`count` cards of a model, whole or each cut into these MIG slices."""

    count: int
    model: str
    gigabytes: int
    cut: tuple[str, ...] = ()


def read(text: str) -> list[Cards]:
    """Raises BadFleet."""
    return [_cards(part.strip()) for part in text.split(",")] if text != NONE else []


def _cards(part: str) -> Cards:
    match = _PART.fullmatch(part)
    if match is None or not 0 < int(match[1]) <= MOST or not int(match[3]):
        raise BadFleet(
            f"TRACKSIDE_FAKE_GPUS has {part!r}; write for example "
            f"4xH100-80GB or 2xA100-40GB,1xL4-24GB, at most {MOST} of a kind."
        )
    cut = tuple(match[4].split("+")) if match[4] else ()
    return Cards(int(match[1]), match[2], int(match[3]), cut)
