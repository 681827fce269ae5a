"""Fits: one on the training rows, or one a fold and the final one on all rows."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from recipes import job as jobs
from recipes import pulse
from recipes.data.encode import learn
from recipes.data.table import spread
from recipes.engine.metrics import Floats, Ints
from recipes.engine.tabular.design import TableDesign
from recipes.engine.tabular.model import Model
from recipes.engine.tabular.rows import Ready
from recipes.events import Journal
from recipes.job import GaveWay, Job
from recipes.learners.learner import Round, Rows, Setup, Told

PAUSE = 0.25  # seconds between two events of a kind
SILENT = 30 * 86_400.0  # a library's own fit marks nothing until it is done
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
    history: list[dict[str, Any]] = field(default_factory=list)
    first_step: float = 0.0
    began: float = 0.0
    early: bool = False
    _told: float = 0.0

    def run(
        self, train: Ints, val: Ints | None, params: dict[str, Any], deaf: bool = False
    ) -> Model:
        """A model of these rows. `deaf`: an order to finish early does not end it."""
        ready, design = self.ready, self.design
        self.history, self.began = [], time.time()
        target = ready.target[train]
        encoder, matrix = learn(
            ready.take(train),
            design.features,
            spread(target, len(ready.classes)),
            seed=self.job.seed,
        )
        setup = Setup(
            classes=len(ready.classes),
            params=params,
            seed=self.job.seed,
            threads=max(1, self.job.compute.threads),
            device=self.device,
            names=encoder.outputs,
        )
        build = design.algorithm.learner
        if build is None:
            raise TypeError(f"{design.algorithm.name} does not learn from tables.")
        learner = build(setup)
        told = Told(self._tell, (lambda: False) if deaf else self._stopped)
        rows = Rows(matrix, target, None if ready.weights is None else ready.weights[train])
        judged = None
        if val is not None and len(val):
            weights = None if ready.weights is None else ready.weights[val]
            judged = Rows(encoder.transform(ready.take(val)), ready.target[val], weights)
        pulse.beat(0, pulse.LEARN, patience=SILENT)
        learner.fit(rows, judged, told)
        pulse.beat()
        for text in told.notes:
            self.journal.write("note", level="info", text=text)
        self._tell_last()
        return Model(encoder, learner, {})

    def _tell(self, one: Round) -> None:
        now = time.time()
        self.first_step = self.first_step or now
        self.history.append({**one, "epoch": one["round"], "seconds": round(now - self.began, 3)})
        if now - self._told >= PAUSE:
            self._tell_last()

    def _tell_last(self) -> None:
        if not self.history:
            return
        last = self.history[-1]
        self._told = time.time()
        values = [one["val_loss"] for one in self.history if one["val_loss"] is not None]
        best = bool(values) and last["val_loss"] == min(values)
        done, of = last["round"], last["of"]
        passed = self._told - self.began
        self.journal.write(
            "epoch",
            epoch=done,
            train_loss=last.get("train_loss"),
            val_loss=last["val_loss"],
            metrics={},
            best=best,
            seconds=last["seconds"],
            train_seconds=last["seconds"],
        )
        eta = round(passed / done * (of - done), 1)
        self.journal.write("progress", done=done, of=of, unit="round", eta=eta)

    def _stopped(self) -> bool:
        word = jobs.wanted_stop(self.folder)
        if word == "yield":
            raise GaveWay  # a table's training keeps nothing and begins anew
        self.early = self.early or word == "finish_early"
        return self.early


@dataclass(frozen=True)
class Judged:
    """Predictions of rows that the model which made them did not learn from."""

    rows: Ints
    given: Floats


def once(fit: Fit) -> tuple[Model, dict[str, Judged]]:
    """The model of the training rows, and what it makes of `val` and of `test`."""
    parts = fit.ready.parts
    model = fit.run(parts.train, parts.val, fit.design.params)
    judged = {
        name: Judged(rows, model.predict(fit.ready.take(rows)))
        for name, rows in (("val", parts.val), ("test", parts.test))
        if len(rows)
    }
    return model, judged


def crossed(
    fit: Fit, say: Callable[[str], None]
) -> tuple[Model, Model, dict[str, Judged], list[Judged]]:
    """The final model of all rows; that of the first fold, and what each fold says of its rows."""
    ready, params = fit.ready, fit.design.params
    made: list[tuple[Model, Judged]] = []
    rounds: list[int] = []
    for number, held in enumerate(ready.parts.folds, 1):
        say(f"Fold {number} of {len(ready.parts.folds)}.")
        train = np.setdiff1d(ready.parts.train, held)
        inner = _inner(train, fit) if params.get("early_stopping") else None
        rest = train if inner is None else np.setdiff1d(train, inner)
        model = fit.run(rest, inner, params)
        made.append((model, Judged(held, model.predict(ready.take(held)))))
        rounds.append(int(model.learner.facts().get("rounds") or 0))
        if fit.early:
            break
    say("The final model learns from all rows.")
    final = made[0][0].learner.again(max(1, round(sum(rounds) / len(rounds))))
    model = fit.run(ready.parts.train, None, final, deaf=True)
    folds = [one for _, one in made]
    rows = np.concatenate([one.rows for one in folds])
    all_ = Judged(rows, np.concatenate([one.given for one in folds]))
    return model, made[0][0], {"val": all_}, folds


def _inner(train: Ints, fit: Fit) -> Ints:
    """Rows out of the fold's own training rows that say when to stop: the held ones only judge."""
    order = np.random.default_rng(fit.job.seed).permutation(len(train))
    return np.sort(train[order[: max(1, len(train) // INNER)]])
