"""How far a training is, over all its fits: trials, folds, the final model, the learning curve; and
over its report, which takes longer than the fits of a small table.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from recipes.engine.tabular.design import TableDesign


@dataclass
class Course:
    """The way of one training, counted in fits on its rows; it never runs backwards.

    `after` are the seconds of the report behind the fits: guessed by the table's columns until the
    first model has shown how fast it predicts.
    """

    length: float  # fits from the first to the last
    after: float = 0.0
    asked: bool = False  # whether it has
    _place: float = 0.0  # where the fit that runs begins
    _made: float = 0.0  # fits that took the time that passed: some may have been left out
    _began: float = field(default_factory=time.monotonic)
    _share: float = 0.0  # what was told last
    _fits: float = 0.0  # and at the end of the last fit

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

    def spent(self) -> float:
        """Seconds since the first fit began, without a pause."""
        return time.monotonic() - self._began

    def told(self, part: float) -> tuple[float, float | None]:
        """The share of the whole, 0 to 1, and the seconds left, when `part` of a fit is made."""
        here, made = min(self._place + part, self.length), self._made + part
        passed = self.spent()
        pace = passed / made if made else 0.0
        there = pace * here / (pace * self.length + self.after) if pace else here / self.length
        self._fits = self._told(there)
        return self._fits, round(pace * (self.length - here) + self.after, 1) if made else None

    def explained(self, passed: float, left: float) -> tuple[float, float]:
        """The same while the report is made, by the seconds that it took so far and has left: it
        has the rest of the way, as long as that is."""
        there = passed / (passed + left) if passed + left > 0 else 1.0
        return self._told(self._fits + (1 - self._fits) * there), round(left, 1)

    def _told(self, share: float) -> float:
        self._share = max(self._share, round(share, 4))
        return self._share


def of(design: TableDesign, folds: int, points: Iterable[float], after: float = 0.0) -> Course:
    """That of a design without its search; `points` of the learning curve, as parts of a fit."""
    final = folds + 1 if folds else 1 + design.refit
    curve = sum(points) if design.learning_curve and design.goes_on_from is None else 0.0
    return Course(final + curve, after)
