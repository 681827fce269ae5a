"""What a kind of job is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recipes.job import Job


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A card. `run` imports its machinery inside and writes the journal up to `finished`.

    It raises what went wrong: `recipes.rank` turns that into the `failed` event. A kind with
    `torch` gets the peers of its gang (`recipes.engine.peers.Peers`, also alone), another None.
    """

    name: str
    label: str
    torch: bool
    quick: bool  # a short job on one leased core and one rank, that a page waits for
    run: Callable[[Job, Path, Any], None]
    resumes: bool = False  # it gives way on `yield`, and a next attempt goes on from there
