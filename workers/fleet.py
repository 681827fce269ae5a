"""Several nodes on one machine, each an agent of its own with simulated GPUs: `make fleet`.

TRACKSIDE_FLEET=gpu-01:8xH100-80GB;gpu-02:4xA100-80GB;cpu-01:none
"""

import json
import re
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workers import cards
from workers.child import Part, module
from workers.premises import CannotStart

MOST = 16
GRACE = 52.0  # seconds that an agent may take to end: more than agent.LEAVE_WITHIN
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
EXAMPLE = "gpu-01:8xH100-80GB;gpu-02:4xA100-80GB;cpu-01:none"
# What the demo shows besides good health; a file of that name in TRACKSIDE_HOME is left as it is.
FAULTS = {
    "gpu-02": {
        "2": {"process": {"pid": 48121, "name": "python", "user": "mara", "memory_gb": 21}},
        "3": {"xid": 79, "ecc": 2},
    },
    "gpu-01": {"6": {"slowed": "heat"}},
}


@dataclass(frozen=True)
class Member:
    """One node of the fleet."""

    name: str
    gpus: str


def read(text: str) -> list[Member]:
    """Empty for an empty text. Raises CannotStart with how to write it."""
    members = [_member(part.strip()) for part in text.split(";") if part.strip()]
    names = [one.name for one in members]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise CannotStart(f"TRACKSIDE_FLEET names {twice[0]} twice; each node needs its own name.")
    if len(members) > MOST:
        raise CannotStart(f"TRACKSIDE_FLEET names {len(members)} nodes; at most {MOST} will do.")
    return members


def _member(part: str) -> Member:
    name, _, gpus = part.partition(":")
    if not _NAME.fullmatch(name) or not gpus:
        raise CannotStart(f"TRACKSIDE_FLEET has {part!r}; write for example {EXAMPLE}")
    try:
        cards.read(gpus)
    except cards.BadFleet as wrong:
        raise CannotStart(f"TRACKSIDE_FLEET, {name}: {wrong}") from None
    return Member(name, gpus)


def agents(members: Sequence[Member], faults: Path) -> list[Part]:
    """One agent a member; without a fleet the one of this machine."""
    if not members:
        return [Part("agent", module("workers.agent"), stop=signal.SIGINT, grace=GRACE)]
    return [
        Part(
            one.name,
            module("workers.agent"),
            stop=signal.SIGINT,
            grace=GRACE,
            environment=(
                ("TRACKSIDE_NODE", one.name),
                ("TRACKSIDE_FAKE_GPUS", one.gpus),
                ("TRACKSIDE_FAKE_FAULTS", str(faults)),
            ),
        )
        for one in members
    ]


def label(members: Sequence[Member]) -> str:
    """What the pages say is simulated."""
    number = sum(part.count for one in members for part in cards.read(one.gpus))
    return f"{number} on {len(members)} nodes"


def write_faults(file: Path) -> None:
    """The demo's faults, for who wants to change them while it runs."""
    if not file.exists():
        file.write_text(json.dumps(FAULTS, indent=2) + "\n")
