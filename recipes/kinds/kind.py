"""What a kind of job is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from recipes.job import Job

if TYPE_CHECKING:
    from recipes.engine.peers import Peers


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A card. `run` imports its machinery inside, writes the journal from `started` to `finished` and returns.

    It raises what went wrong: `recipes.rank` turns that into the `failed` event. A kind with `torch` gets the
    peers of its gang (also when it is alone), another gets None.
    """

    name: str
    label: str
    torch: bool
    quick: bool  # a short job on one leased core and one rank, that a page waits for
    run: Callable[[Job, Path, Peers | None], None]
