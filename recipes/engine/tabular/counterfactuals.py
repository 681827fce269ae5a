"""What would have to be otherwise: small changes of one or two columns that turn a prediction.

All candidates are values that the training rows held, so hints stay inside what the model saw.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any, NamedTuple

import numpy as np

from recipes.data.encode import Encoded, Matrix
from recipes.engine.metrics import Floats
from recipes.engine.tabular.explaining import predicted
from recipes.engine.tabular.model import Model
from recipes.engine.tabular.seen import plain, table_of
from recipes.whatif import Row, Seen

Json = dict[str, Any]
COLUMNS, PAIRED, CATEGORIES = 60, 12, 30  # columns tried alone and in pairs; values of each
FINER = 16  # values between one that turns the prediction and the one before it
OTHER_CATEGORY = 0.5  # what another category costs; a number costs the share of rows it passes
SINGLES, DOUBLES, NEAR = 5, 3, 3  # hints that are told
MODEST = 0.9  # of the most that a column moves a value, what the smallest change must bring


@dataclass(frozen=True)
class Goal:
    """`toward`: a class, or up or down; "" is any other class. `threshold`: of two classes."""

    classes: list[str]
    threshold: float | None
    toward: str

    def reached(self, given: Any, now: Any) -> bool:
        """Whether the prediction is turned; a value never is, nor what is so already."""
        if not self.classes:
            return False
        place = predicted(given, self.threshold)
        return place != now and self.toward in ("", self.classes[place])

    def near(self, given: Floats, now: int) -> Floats:
        """How near the goal each prediction is: the larger the nearer."""
        if not self.classes:
            return given if self.toward == "up" else -given
        wanted = self.classes.index(self.toward) if self.toward else None
        if len(self.classes) == 2:
            second: Floats = given[:, 1]
            return second if (1 - now if wanted is None else wanted) else -second
        place = now if wanted is None else wanted
        ahead: Floats = given[:, place] - np.delete(given, place, 1).max(1)
        return -ahead if wanted is None else ahead


class Change(NamedTuple):
    """One column with another value: what it costs and how the column is encoded then."""

    one: Encoded
    value: Any
    cost: float
    block: Floats


class Tried(NamedTuple):
    """Some changes together and what is predicted then."""

    changes: tuple[Change, ...]
    given: Any
    near: float
    turns: bool

    @property
    def cost(self) -> float:
        return float(sum(one.cost for one in self.changes))

    @property
    def names(self) -> set[str]:
        return {one.one.name for one in self.changes}


def hints(
    model: Model, columns: list[Seen], row: Row, goal: Goal, fixed: Iterable[str], first: list[str]
) -> list[Json]:
    """The smallest changes that reach the goal, or those that come nearest.

    `fixed` columns stay as they are; of many columns those named `first` are tried.
    """
    trial = _Trial(model, columns, row, goal)
    held = set(fixed)
    order = {name: place for place, name in enumerate(first)}
    free = sorted(
        (one for one in model.encoder.columns if one.name not in held),
        key=lambda one: order.get(one.name, len(order)),
    )[:COLUMNS]
    singles = trial.all((change,) for one in free for change in trial.changes(one))
    singles = [*singles, *trial.all((change,) for change in trial.finer(singles))]
    turned = _cheapest([one for one in singles if one.turns])
    alone = {name for one in turned for name in one.names}
    pairs = _pairs([one for one in singles if not one.names & alone])
    doubles = trial.all(pairs)
    if not goal.classes:
        best = [*_modest(singles, trial.near)[:SINGLES], *_modest(doubles, trial.near)[:DOUBLES]]
        return [trial.told(one) for one in best if one.near > trial.near]
    found = [*turned[:SINGLES], *_cheapest([one for one in doubles if one.turns])[:DOUBLES]]
    if not found:
        nearest = _nearest([*singles, *doubles])[:NEAR]
        found = [one for one in nearest if one.near > trial.near]
    return [trial.told(one) for one in found]


class _Trial:
    """One row and what is tried with it."""

    def __init__(self, model: Model, columns: list[Seen], row: Row, goal: Goal) -> None:
        self.model, self.row, self.goal = model, row, goal
        self.columns = {one["name"]: one for one in columns}
        self.matrix: Matrix = model.encoder.transform(table_of([row], columns))
        given = model.learner.predict(self.matrix)
        self.now = predicted(given[0], goal.threshold) if goal.classes else 0
        self.near = float(goal.near(given, self.now)[0])

    def changes(self, one: Encoded) -> list[Change]:
        """Other values that the column had in training."""
        seen, now = self.columns[one.name], self.row[one.name]
        values = list(dict.fromkeys(seen["steps"])) or seen["known"][:CATEGORIES]
        return self._changes(one, [value for value in values if value != now])

    def _changes(self, one: Encoded, values: list[Any]) -> list[Change]:
        if not values:
            return []
        seen = self.columns[one.name]
        table = table_of([{one.name: value} for value in values], [seen])
        blocks = one.block(table.column(one.name))
        now = self.row[one.name]
        return [
            Change(one, value, cost(seen, now, value), block)
            for value, block in zip(values, blocks, strict=True)
        ]

    def all(self, wanted: Iterable[tuple[Change, ...]]) -> list[Tried]:
        """What is predicted with each of these sets of changes."""
        sets = list(wanted)
        if not sets:
            return []
        matrix = np.repeat(self.matrix, len(sets), 0)
        for row, changes in enumerate(sets):
            for one in changes:
                matrix[row, one.one.place] = one.block
        given = self.model.learner.predict(matrix)
        near = self.goal.near(given, self.now)
        return [
            Tried(changes, each, float(at), self.goal.reached(each, self.now))
            for changes, each, at in zip(sets, given, near, strict=True)
        ]

    def finer(self, singles: list[Tried]) -> list[Change]:
        """Numbers between the nearest value that turns the prediction and one before it."""
        made = []
        for tried in _cheapest([one for one in singles if one.turns])[:COLUMNS]:
            change = tried.changes[0]
            kind, now = self.columns[change.one.name]["type"], self.row[change.one.name]
            if kind not in ("integer", "number") or now is None or isinstance(now, bool):
                continue
            if not self.columns[change.one.name]["steps"]:
                continue
            made += self._changes(change.one, between(now, change.value, kind))
        return made

    def told(self, tried: Tried) -> Json:
        made: Json = {
            "changes": [
                {"name": one.one.name, "from": self.row[one.one.name], "to": plain(one.value)}
                for one in tried.changes
            ],
            "turns": tried.turns,
        }
        classes = self.goal.classes
        if not classes:
            return made | {"prediction": float(tried.given), "probability": None}
        place = predicted(tried.given, self.goal.threshold)
        return made | {"prediction": classes[place], "probability": float(tried.given[place])}


def cost(seen: Seen, now: Any, value: Any) -> float:
    """Between 0 and 1: the share of the training rows that the number passes."""
    if not seen["steps"] or now is None or value is None:
        return OTHER_CATEGORY
    places = [_rank(seen["steps"], one) for one in (now, value)]
    return max(0.01, abs(places[1] - places[0]))


def _rank(steps: list[Any], value: Any) -> float:
    if isinstance(value, str):
        return sum(bool(one < value) for one in steps) / len(steps)
    return float(np.interp(float(value), np.array(steps, float), np.linspace(0, 1, len(steps))))


def between(now: float, value: float, kind: str) -> list[Any]:
    """Readable numbers from one to the other, both left out."""
    found = np.linspace(now, value, FINER + 2)[1:-1]
    if kind == "integer":
        return [one for one in dict.fromkeys(round(float(x)) for x in found)
                if one not in (now, value)]  # fmt: skip
    step = abs(value - now) / FINER
    digits = int(np.clip(np.ceil(-np.log10(step)), -15, 15)) if step else 0
    low, high = sorted((now, value))
    rounded = dict.fromkeys(round(float(one), digits) for one in found)
    return [one for one in rounded if low < one < high]


def _cheapest(tried: list[Tried]) -> list[Tried]:
    """The smallest change of each set of columns, the smallest of all first."""
    return _each(tried, lambda one: (one.cost, -one.near))


def _nearest(tried: list[Tried]) -> list[Tried]:
    return _each(tried, lambda one: (-one.near, one.cost))


def _modest(tried: list[Tried], now: float) -> list[Tried]:
    """Of each set of columns the smallest change that brings nearly the most: the most alone is
    often the column's largest value, far beyond what moves the prediction."""
    most = {frozenset(one.names): one.near for one in _nearest(tried)}
    close = [one for one in tried if one.near - now >= MODEST * (most[frozenset(one.names)] - now)]
    return sorted(_cheapest(close), key=lambda one: -one.near)


def _each(tried: list[Tried], key: Callable[[Tried], Any]) -> list[Tried]:
    best: dict[frozenset[str], Tried] = {}
    for one in sorted(tried, key=key):
        best.setdefault(frozenset(one.names), one)
    return list(best.values())


def _pairs(singles: list[Tried]) -> list[tuple[Change, ...]]:
    """Of the columns that come nearest: their best values, far and close, two columns at once."""
    by_name: dict[str, list[Tried]] = {}
    for one in sorted(singles, key=lambda one: -one.near):
        by_name.setdefault(one.changes[0].one.name, []).append(one)
    chosen = []
    for tried in list(by_name.values())[:PAIRED]:
        best = [tried[0]]
        for most in (0.1, 0.3):
            best += [one for one in tried if one.cost <= most][:1]
        chosen.append(list({id(one): one.changes[0] for one in best}.values()))
    return [pair for one, two in combinations(chosen, 2) for pair in product(one, two)]
