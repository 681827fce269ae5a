"""What a scorer is: another library that predicts with a model that it did not learn. A card."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from recipes.learners.learner import Convertible, Floats, Matrix


class CannotTake(Exception):
    """The library cannot take this model over: the reason, as a sentence."""


class Scores(Protocol):
    """A model in the hands of another library. Not safe for several threads."""

    def predict(self, matrix: Matrix) -> Floats:
        """As the learner's own: probabilities [rows, classes], or values [rows]."""

    def computes_on(self) -> str:
        """cpu or cuda:N: where the library itself says it computes."""


@dataclass(frozen=True, kw_only=True)
class Where:
    """Where it is to predict: `device` is cpu or cuda (the first one that it sees)."""

    device: str
    threads: int


@dataclass(frozen=True, kw_only=True)
class Scorer:
    """`make` imports the library inside and converts; whatever it raises, the scorer is not used.

    `library` is a key of EXTRAS, `packages` those whose versions a report names.
    """

    name: str
    label: str
    help: str
    library: str
    packages: tuple[str, ...]
    algorithms: tuple[str, ...]  # whose models it may take; which it does right is measured
    devices: tuple[str, ...]
    make: Callable[[Convertible, Where], Scores]
    # Whether the build that is installed here knows GPUs: it loads it. None: each build does.
    gpu_build: Callable[[], bool] | None = None

    def takes(self, algorithm: str, device: str) -> bool:
        return algorithm in self.algorithms and device in self.devices
