"""How far a training is, over all its fits: trials, folds, the final model, the learning curve."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from recipes.engine.tabular.design import TableDesign


@dataclass
class Course:
    """The way of one training, counted in fits on its rows; it never runs backwards."""

    length: float  # fits from the first to the last
    _place: float = 0.0  # where the fit that runs begins
    _made: float = 0.0  # fits that took the time that passed: some may have been left out
    _began: float = field(default_factory=time.monotonic)
    _share: float = 0.0  # what was told last

    def begin(self, fits: float, made: float, seconds: float) -> None:
        """So many fits come before the others; `made` of them took so long before a pause."""
        self.length += fits
        self._made, self._began = made, time.monotonic() - seconds
        self.reach(made)

    def reach(self, place: float) -> None:
        """The next fit begins there: those before it were made, or are not needed."""
        self._place = max(self._place, place)

    def passed(self, weight: float) -> None:
        """A fit is over."""
        self._place += weight
        self._made += weight

    def told(self, part: float) -> tuple[float, float | None]:
        """The share of the whole, 0 to 1, and the seconds left, when `part` of a fit is made."""
        here, made = min(self._place + part, self.length), self._made + part
        self._share = max(self._share, round(here / self.length, 4))
        passed = time.monotonic() - self._began
        return self._share, round(passed / made * (self.length - here), 1) if made else None


def of(design: TableDesign, folds: int, points: Iterable[float]) -> Course:
    """That of a design without its search; `points` of the learning curve, as parts of a fit."""
    final = folds + 1 if folds else 1 + design.refit
    curve = sum(points) if design.learning_curve and design.goes_on_from is None else 0.0
    return Course(final + curve)
