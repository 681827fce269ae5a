"""What an algorithm is to the web: its forms, and what the node it runs on makes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from recipes.params import Params, Value

if TYPE_CHECKING:
    from recipes.nets.classifier import Net, Plan

Values = dict[str, Value]


class Resolved(NamedTuple):
    """A design with nothing left that the device decides; `notes` say in sentences what changed."""

    params: Values
    training: Values
    augmentation: Values
    notes: list[str]


@dataclass(frozen=True, kw_only=True)
class Algorithm:
    """A card. `resolve` is pure and light, for the web at submit. `build` imports torch inside."""

    name: str
    label: str
    help: str
    tasks: tuple[str, ...]
    params: Params  # the tab Architecture
    training: Params  # the tab Training
    resolve: Callable[[Values, Values, Values, str], Resolved]
    build: Callable[[Plan], Net]
