"""Fits: one on the training rows, or one a fold and the final one on all rows."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from recipes import job as jobs
from recipes import pulse
from recipes.data.encode import Encoder
from recipes.engine.metrics import Floats, Ints
from recipes.engine.tabular import matrices, room
from recipes.engine.tabular.course import Course
from recipes.engine.tabular.design import TableDesign
from recipes.engine.tabular.model import Model
from recipes.engine.tabular.rows import Ready
from recipes.events import Journal
from recipes.job import GaveWay, Job
from recipes.learners.learner import ALONE, Company, Learner, Round, Setup, Told

PAUSE = 0.25  # seconds between two events of a kind
ASKED = 0.05  # seconds between two looks at what is asked of the job
LONGEST = 2.0  # the same, where the next one would have the training loss too
SILENT = 30 * 86_400.0  # a library's own fit marks nothing until it is done
LOOKED_AT = 200  # rows by which it is told how long the report will take
INNER = 10  # a cross-test's fits stop early by one in so many of their own training rows


@dataclass
class Fit:
    """What the job tells while it fits. `history` is of the last fit alone."""

    job: Job
    folder: Path
    journal: Journal
    design: TableDesign
    ready: Ready
    device: str
    course: Course
    company: Company = ALONE
    # Seconds that the report of a model takes, by a few rows that it predicts.
    reporting: Callable[[Model, pa.Table, int], float] | None = None
    quiet: bool = False  # a fit beside the model's own: neither its rounds nor its notes are told
    series: tuple[int, int] = (1, 1)  # which of how many fits that belong together
    unit: str = "model"  # what each of them is called
    each: int = 1  # so many of the series make one unit
    weight: float = 1.0  # how long it is beside one on all the rows that the model learns from
    deaf: bool = False  # it was heard already that it is to finish early
    history: list[dict[str, Any]] = field(default_factory=list)
    first_step: float = 0.0
    early: bool = False
    _began: float = 0.0
    _told: float = 0.0  # when a round was told last
    _untold: bool = False
    _shown: int = 0  # the last round that was told
    _asked: float = 0.0  # when the order was looked for last
    _both: bool = False  # it knows its training loss in some rounds

    def run(
        self, train: Ints, val: Ints | None, params: dict[str, Any], deaf: bool = False
    ) -> Model:
        """A model of these rows. `deaf`: an order to finish early does not end it."""
        ready, design = self.ready, self.design
        self.history, self._began, self._told, self._asked = [], time.time(), 0.0, 0.0
        self._shown = 0
        told = Told(self.tell, partial(self.ended, deaf=deaf))
        numbers = matrices.made(
            ready,
            design,
            (train, val),
            seed=self.job.seed,
            company=self.company,
            folder=self.folder,
        )
        with numbers as made:
            learner = self._learner(params, made.encoder)
            told.notes.extend(made.notes)
            pulse.beat(0, pulse.LEARN, patience=SILENT)
            learner.fit(made.train, made.val, told)
        pulse.beat()
        for text in [] if self.quiet else told.notes:
            self.journal.write("note", level="info", text=text)
        if self._untold:
            self._tell_last()
        self.course.passed(self.weight)
        model = Model(made.encoder, learner, {})
        self._expect(model, train)
        return model

    def _expect(self, model: Model, rows: Ints) -> None:
        """The first model tells how long the report will take: the ones after it are like it."""
        course, ready = self.course, self.ready
        if self.reporting is None or course.asked or self.company.rank:
            return
        judged = len(ready.parts.folds[0] if ready.parts.folds else ready.parts.val)
        course.asked = True
        course.after = self.reporting(model, ready.take(rows[:LOOKED_AT]), judged)

    def _learner(self, params: dict[str, Any], encoder: Encoder) -> Learner:
        """One that has not learned yet, or knows what it goes on from."""
        setup = Setup(
            classes=len(self.ready.classes),
            params=params,
            seed=self.job.seed,
            threads=max(1, self.job.compute.threads),
            device=self.device,
            names=encoder.outputs,
            ranks=encoder.ranks,
            company=self.company,
        )
        build = self.design.algorithm.learner
        if build is None:
            raise TypeError(f"{self.design.algorithm.name} does not learn from tables.")
        learner = build(setup)
        room.check_net(learner, self.device, max(1, self.job.compute.ranks))
        if self.design.goes_on_from is not None:
            learner.load(self.design.goes_on_from.bundle)
        return learner

    def tell(self, one: Round) -> None:
        now = time.time()
        self.first_step = self.first_step or now
        self.history.append({**one, "epoch": one["round"], "seconds": round(now - self._began, 3)})
        self._untold = True
        self._both = self._both or one["train_loss"] is not None
        whole = one["train_loss"] is not None or not self._both
        if now - self._told >= (PAUSE if whole else LONGEST):
            self._tell_last()

    def _tell_last(self) -> None:
        last, self._untold, self._told = self.history[-1], False, time.time()
        if not self.quiet:
            self._tell_rounds(last)
        which, of = self.series
        share = last["round"] / last["of"]
        whole, eta = self.course.told(self.weight * share)
        done = {"done": last["round"], "of": last["of"], "unit": self.design.algorithm.unit}
        if of > 1:
            fits = round((which - 1 + share) / self.each, 3)
            done = {"done": fits, "of": of // self.each, "unit": self.unit}
        elif self.design.goes_on_from is not None:
            done["before"] = self.design.goes_on_from.rounds
        self.journal.write("progress", **done, eta=eta, share=whole)

    def _tell_rounds(self, last: dict[str, Any]) -> None:
        """The last one, and before it the best one if that passed untold."""
        judged = [one for one in self.history if one["val_loss"] is not None]
        best = min(judged, key=lambda one: float(one["val_loss"]), default=None)
        if best is not None and self._shown < best["round"] < last["round"]:
            self._tell_round(best, best=True)
        self._tell_round(last, best=best is last)
        self._shown = last["round"]

    def _tell_round(self, one: dict[str, Any], *, best: bool) -> None:
        self.journal.write(
            "epoch",
            epoch=one["round"],
            train_loss=one.get("train_loss"),
            val_loss=one["val_loss"],
            metrics={},
            best=best,
            seconds=one["seconds"],
            train_seconds=one["seconds"],
        )

    def stopped(self) -> bool:
        """Whether it is to finish early. Raises GaveWay."""
        word = self._wanted()
        if word == "yield":
            raise GaveWay  # a fit keeps nothing and begins anew
        self.early = not self.deaf and (self.early or word == "finish_early")
        return self.early

    def ended(self, *, deaf: bool = False) -> bool:
        """The same between two rounds, of which there may be a thousand a second: a process alone
        does not look for the order after each. `deaf`: only giving way ends it."""
        now = time.monotonic()
        if self.company.world == 1 and now - self._asked < ASKED:
            return self.early and not deaf
        self._asked = now
        if not deaf:
            return self.stopped()
        if self._wanted() == "yield":
            raise GaveWay
        return False

    def _wanted(self) -> str | None:
        """The same word for all ranks: they stop after the same round, or none does."""
        return str(self.company.share(jobs.wanted_stop(self.folder)))


@dataclass(frozen=True)
class Judged:
    """Predictions of rows that the model which made them did not learn from."""

    rows: Ints
    given: Floats


def once(fit: Fit, say: Callable[[str], None]) -> tuple[Model, Model, dict[str, Judged]]:
    """The final model; that of the training rows, which judges `val`; what they make of the rows.

    `test` is judged by the final model, which has not seen it either.
    """
    ready, parts = fit.ready, fit.ready.parts
    first = fit.run(parts.train, parts.val, fit.design.params)
    model = first
    if fit.design.refit and not fit.stopped():
        say("The final model learns from the training and the validation rows.")
        beside = replace(fit, quiet=True)
        rows = np.union1d(parts.train, parts.val)
        model = beside.run(rows, None, first.learner.again(grown(first)), deaf=True)
    judged = {
        name: Judged(rows, np.concatenate([one.predict(some) for some in ready.judging(name)]))
        for name, rows, one in (("val", parts.val, first), ("test", parts.test, model))
        if len(rows)
    }
    return model, first, judged


def grown(model: Model) -> int:
    """The rounds that its own fit took to its best loss, 1 at least."""
    facts = model.learner.facts()
    rounds = int(facts.get("best") or facts.get("rounds") or 0)
    return max(1, rounds - int(facts.get("went_on_from") or 0))


def crossed(
    fit: Fit, say: Callable[[str], None]
) -> tuple[Model, Model, dict[str, Judged], list[Judged]]:
    """The final model of all rows; that of the first fold, and what each fold says of its rows."""
    ready, count = fit.ready, len(fit.ready.parts.folds)
    first: Model | None = None
    folds: list[Judged] = []
    rounds: list[int] = []
    for number, held in enumerate(ready.parts.folds, 1):
        say(f"Fold {number} of {count}.")
        fit.series = (number, count + 1)
        model = fold(fit, np.setdiff1d(ready.parts.train, held))
        first = first or model
        folds.append(Judged(held, model.predict(ready.take(held))))
        rounds.append(grown(model))
        if fit.stopped():
            break
    if first is None:
        raise TypeError("A cross-test has two folds at least.")
    say("The final model learns from all rows.")
    fit.series = (count + 1, count + 1)
    final = first.learner.again(round(sum(rounds) / len(rounds)))
    model = fit.run(ready.parts.train, None, final, deaf=True)
    rows = np.concatenate([one.rows for one in folds])
    all_ = Judged(rows, np.concatenate([one.given for one in folds]))
    return model, first, {"val": all_}, folds


def fold(fit: Fit, train: Ints) -> Model:
    """A model of a cross-test: what ends it early are some of its own training rows."""
    params = fit.design.params
    inner = _inner(train, fit) if params.get("early_stopping") else None
    return fit.run(train if inner is None else np.setdiff1d(train, inner), inner, params)


def _inner(train: Ints, fit: Fit) -> Ints | None:
    """Rows out of the fold's own training rows that say when to stop: the held ones only judge.

    Of each class in proportion, and never its last row; None where no row can be spared.
    """
    rng, ready = np.random.default_rng(fit.job.seed), fit.ready
    order = train[rng.permutation(len(train))]
    if ready.classes:
        order = order[np.argsort(ready.target[order], kind="stable")]
        order = order[np.diff(ready.target[order], prepend=-1.0) == 0]
    count = min(len(order), max(1, len(train) // INNER))
    if not count:
        return None
    drawn = np.sort(order[(np.arange(count) * len(order) + rng.integers(len(order))) // count])
    left = np.setdiff1d(train, drawn)
    return drawn if ready.weights is None or ready.weights[left].any() else None
