"""The search for the best params: trials until a limit, and the best of them in the design."""

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from recipes import search as spaces
from recipes.engine.metrics import Floats, Ints
from recipes.engine.tabular import figures, search_parts
from recipes.engine.tabular.fitting import Fit, fold
from recipes.engine.tabular.proposing import Point, inside, propose
from recipes.engine.tabular.trials import Kept, Trial
from recipes.job import BadJob, GaveWay

SOON = 5  # trials before one is given up early; and that may fail before the search does
BEHIND = 0.75  # it is given up where so large a part of the others stood better after that fold
CHOSEN = (
    "The params were chosen by the rows of the cross-test's own folds: its figures may be a little "
    "too good. A dataset that it has not seen judges it fairly."
)
BY_VALIDATION = (
    "The params were chosen by the validation rows: the figures of these may be a little too good. "
)
FAIR = {True: "Those of the test rows are not.", False: "A dataset that it has not seen is fairer."}

Json = dict[str, Any]


class Unknown(Exception):
    """The rows that judge cannot tell the metric."""


def search(fit: Fit, say: Callable[[str], None]) -> Json:
    """Try until a limit; the design has the best params then. What the report tells of it.

    Raises GaveWay, with the trials kept, and BadJob where none came to an end.
    """
    asked = fit.design.search
    if asked is None:
        raise TypeError("The design searches nothing.")
    made = _Search(fit, asked, say)
    stopped = made.run()
    best = made.best()
    if best is None and stopped != "finished early":
        first = made.tried[0].reason if made.tried else ""
        raise BadJob(f"None of the {len(made.tried)} trials came to an end. The first: {first}")
    if best is not None:
        fit.design = replace(fit.design, params=made.complete(best.params))
        say(f"A model learns with the settings of trial {best.number}.")
    fit.early, fit.deaf = False, stopped == "finished early"  # the best is yet to be trained
    if best is not None and (text := _chosen_by(fit, asked)):
        fit.journal.write("note", level="info", text=text)
    return {
        **{name: asked[name] for name in ("strategy", "folds", "space")},
        "metric": fit.design.metric.name,
        "trials": made.told(),
        "best": best and best.value,
        "stopped": stopped,
    }


def _chosen_by(fit: Fit, asked: Json) -> str:
    """What it means that rows chose the params and give the score too; "" where they do not."""
    if fit.ready.parts.folds:
        return CHOSEN
    return "" if asked["folds"] else BY_VALIDATION + FAIR[bool(len(fit.ready.parts.test))]


class _Search:
    """The trials of one search."""

    def __init__(self, fit: Fit, asked: Json, say: Callable[[str], None]) -> None:
        self._fit, self._asked, self._say = fit, asked, say
        card = fit.design.algorithm
        self._fields = {one.name: one for one in card.params.fields}
        self._space = spaces.read(card.params, asked["space"])
        self._higher = fit.design.metric.higher_is_better
        self._parts, notes = search_parts.drawn(fit.ready, fit.design, int(asked["folds"]))
        for text in notes:
            fit.journal.write("note", level="info", text=text)
        self._kept = Kept(fit.folder, fit.journal, fit.company.rank)
        share = fit.company.share
        self.tried = [Trial(**one) for one in share([asdict(one) for one in self._kept.find()])]
        self._passed = sum(one.seconds for one in self.tried)  # before a pause
        self._began = time.monotonic()
        self._of = self._most()
        each = len(self._parts)
        fit.course.begin(self._of * each, made=len(self.tried) * each, seconds=self._passed)
        self._beside = replace(fit, quiet=True, unit="trial", each=each)

    def run(self) -> str:
        """Why it ended: count, time, finished early, grid done, nothing new."""
        ended = self._tries()
        self._fit.course.reach(self._of * len(self._parts))
        return ended

    def _tries(self) -> str:
        try:
            while not (ended := self._ended()):
                point = self._next()
                if point is None:
                    return "grid done" if self._asked["strategy"] == "grid" else "nothing new"
                self._say(self._words())
                trial = self._try(point)
                if trial is None:
                    return "finished early"
                self._keep(trial)
        except GaveWay:
            self._kept.save(self.tried, now=True)
            raise
        return ended

    def _words(self) -> str:
        """`Trial 3 of 12; the best so far: ROC AUC 0.862.`"""
        said, best = f"Trial {len(self.tried) + 1} of {self._of}", self.best()
        if best is None or best.value is None:
            return f"{said}."
        metric = self._fit.design.metric
        value = f"{100 * best.value:.1f} %" if metric.percent else f"{best.value:.4g}"
        return f"{said}; the best so far: {metric.label} {value}."

    def best(self) -> Trial | None:
        """The first of the best: params as they were set win where others are only as good."""
        done = [one for one in self.tried if one.value is not None]
        sign = 1 if self._higher else -1
        return max(done, key=lambda one: sign * float(one.value or 0), default=None)

    def complete(self, point: Point) -> Json:
        """All params of a trial."""
        card, device = self._fit.design.algorithm, self._fit.device
        given = card.params.clean({**self._fit.design.params, **point})
        return dict(card.resolve(given, {}, {}, device).params)

    def told(self) -> list[Json]:
        """The trials as events tell them."""
        best = self.best()
        return [_event(one, self._of, one is best) for one in self.tried]

    def _most(self) -> int:
        points, trials = spaces.count(self._space), int(self._asked["trials"])
        if points is None:
            return trials
        return min(trials, points + (not inside(self._set(), self._space)))

    def _set(self) -> Point:
        return {name: self._fit.design.params[name] for name in self._space}

    def _ended(self) -> str:
        minutes, share = float(self._asked["minutes"]), self._fit.company.share
        passed = share(self._passed + time.monotonic() - self._began)
        if self._fit.stopped():
            return "finished early"
        if len(self.tried) >= int(self._asked["trials"]):
            return "count"
        if self.tried and minutes and passed >= 60 * minutes:
            return "time"
        return ""

    def _next(self) -> Point | None:
        if not self.tried:
            return self._set()
        return propose(
            self._asked["strategy"],
            self._space,
            self._fields,
            self.tried,
            seed=self._fit.job.seed,
            higher=self._higher,
        )

    def _keep(self, trial: Trial) -> None:
        self.tried.append(trial)
        self._fit.first_step = self._fit.first_step or self._beside.first_step
        self._fit.journal.write("trial", **_event(trial, self._of, trial is self.best()))
        self._kept.save(self.tried, now=False)
        if len(self.tried) == SOON and all(one.state == "failed" for one in self.tried):
            raise BadJob(f"The first {SOON} trials failed. {trial.reason}")

    def _try(self, point: Point) -> Trial | None:
        """None: it is to finish early, and this trial judges nothing."""
        began, steps, state, reason = time.monotonic(), list[float](), "done", ""
        self._beside.design = replace(self._fit.design, params=self.complete(point))
        self._fit.course.reach(len(self.tried) * len(self._parts))
        try:
            values: list[float] = []
            for place in range(len(self._parts)):
                value = self._value(place)
                if self._beside.stopped():
                    return None
                values.append(self._fit.company.share(value))
                steps.append(statistics.fmean(values))
                if self._hopeless(steps):
                    state, reason = "pruned", f"Behind the others after fold {len(steps)}."
                    break
        except GaveWay:
            raise
        except Exception as wrong:
            if self._fit.company.world > 1:
                raise  # the other ranks wait for this one
            state, reason = "failed", str(wrong).strip() or type(wrong).__name__
        return Trial(
            number=len(self.tried) + 1,
            params=point,
            value=steps[-1] if state == "done" else None,
            state=state,
            seconds=round(time.monotonic() - began, 3),
            reason=reason[:500],
            steps=steps,
        )

    def _value(self, place: int) -> float:
        """The metric of a model of these params. Raises Unknown."""
        beside, count = self._beside, len(self._parts)
        train, held, stops = self._parts[place]
        beside.series = (len(self.tried) * count + place + 1, self._of * count)
        model = beside.run(train, held, beside.design.params) if stops else fold(beside, train)
        return _judged(beside, held, model.predict(beside.ready.take(held)))

    def _hopeless(self, steps: list[float]) -> bool:
        if self._asked["strategy"] == "grid" or len(steps) == len(self._parts):
            return False
        others = [one.steps[len(steps) - 1] for one in self.tried if one.state == "done"]
        sign = 1 if self._higher else -1
        ahead = sum(sign * one > sign * steps[-1] for one in others)
        return len(others) >= SOON and ahead > BEHIND * len(others)


def _judged(fit: Fit, rows: Ints, given: Floats) -> float:
    task, metric = fit.design.task.name, fit.design.metric
    true, threshold = fit.ready.target[rows], None
    if task == "two_class":
        threshold = figures.best_threshold(true.astype(np.int64), given[:, 1], metric.name)
    value = figures.judge(task, true, given, threshold)[metric.name]
    if value is None:
        raise Unknown(f"{metric.label} is unknown on the rows that judge.")
    return value


def _event(trial: Trial, of: int, best: bool) -> Json:
    told = {name: value for name, value in asdict(trial).items() if name != "steps"}
    return {**told, "of": of, "best": best}
