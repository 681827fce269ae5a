"""What predicts with a model of a table, and where: the leased GPU, or another library, where they
say what the own library says on the CPU; else that."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from threadpoolctl import threadpool_limits

from recipes import extras
from recipes.algorithms import ALGORITHMS
from recipes.engine.facts import kept_versions, versions_of
from recipes.engine.peers import Peers, device_name
from recipes.engine.sat import Witness, witness
from recipes.engine.tabular import parity
from recipes.engine.tabular.model import Model, load
from recipes.engine.tabular.parity import Gated, Parity, Predict, Sample, Who
from recipes.events import Journal
from recipes.job import BadJob, Job
from recipes.learners.learner import Convertible, Floats, Learner, Matrix, OnGpu, WrongDevice
from recipes.scorers import FASTEST, OWN, SCORERS, Scorer, able, absent, refusal
from recipes.scorers.scorer import CannotTake, Scores, Where

FASTER = 1.2  # times the own library's speed: less is no gain beside the chance of another rounding
WORTH = 2.0  # seconds that the own library needs for all rows: to try others takes as long
LOOKED = 200_000  # rows among which those are sought that have what a prediction needs
LIBRARY = "the model's own library"


@dataclass(frozen=True)
class Chosen:
    """What predicts. `scores` is None where it is the model's own learner on the CPU."""

    own: Learner
    device: str  # what a person calls it
    kind: str = "cpu"  # where it is to compute: cpu or cuda
    engine: str = OWN
    scores: Scores | None = None
    reports: list[Parity] = field(default_factory=list)
    untried: str = ""  # why no other library was
    witness: Witness | None = None  # of the rank, where it is to compute on a GPU

    def predict(self, matrix: Matrix) -> Floats:
        return (self.scores or self.own).predict(matrix)

    def verify(self) -> None:
        """After the last row: it predicted where the job says. Raises WrongDevice."""
        on = self.scores.computes_on() if self.scores else self.kind
        if not on.startswith(self.kind):
            raise WrongDevice(
                f"The job was to predict on {self.device} and the library went over to {on} on "
                "its way. Look at the node's driver, or choose the CPU."
            )
        if self.witness is not None and (sat := self.witness.sat()).seen is False:
            raise WrongDevice(sat.text)

    def facts(self) -> dict[str, Any]:
        reports = [one.facts() for one in self.reports]
        told = {"device": self.device, "engine": self.engine, "parity": reports}
        return {**told, "untried": self.untried} if self.untried else told


@dataclass(frozen=True)
class OnItsGpu:
    """A model's own learner, loaded for a GPU."""

    learner: Learner

    def predict(self, matrix: Matrix) -> Floats:
        return self.learner.predict(matrix)

    def computes_on(self) -> str:
        return self.learner.predicts_on() if isinstance(self.learner, OnGpu) else "cpu"


@contextmanager
def begun(
    job: Job, folder: Path, peers: Peers, *, several: bool = False
) -> Iterator[tuple[Journal, int]]:
    """The journal of a job that takes a table through a model, and this rank's threads, in use.

    Raises BadJob where there are ranks, but for `several`, or no table.
    """
    if peers.world > 1 and not several:
        raise BadJob(
            f"A table goes through one process with all its threads, not {peers.world} ranks. "
            "Choose one GPU, or the CPU with one rank."
        )
    threads = max(1, job.compute.threads)
    pa.set_cpu_count(threads)  # a forked job's libraries were loaded with one thread each
    with threadpool_limits(threads), closing(Journal(folder, rank=peers.rank)) as journal:
        journal.write(
            "started",
            device=device_name(job.compute, peers.device),
            ranks=peers.world,
            threads=threads,
            precision="fp32",
            versions=kept_versions(job.spec.get("bundle"), job.compute.device),
        )
        if not job.spec.get("dataset"):
            raise BadJob("The job names no dataset.")
        journal.write("phase", name="read", text="Reading the model and the table's columns.")
        yield journal, threads


def chosen(  # noqa: PLR0913 - all of it is needed to try one
    job: Job,
    peers: Peers,
    place: Path,
    model: Model,
    file: pq.ParquetFile,
    journal: Journal,
    engine: str = OWN,
) -> Chosen:
    """Compare on the table's first rows what is asked for, and say what follows.

    All ranks predict by the same: a table's rows are all told alike. Raises BadJob where this
    model's algorithm has nothing to do with the GPU or with the engine, or what is installed here.
    """
    kind, name = peers.device.type, device_name(job.compute, peers.device)
    card = ALGORITHMS[model.about["algorithm"]]
    if said := refusal(engine, card, kind) or absent(engine, kind):
        raise BadJob(said)
    if engine == OWN and kind == "cpu":
        return Chosen(model.learner, name)
    seen = witness(peers.device, job.compute)
    rows = parity.sample(model, first_rows(model, file))
    trial = _Trial(model, rows, peers, kind, name, max(1, job.compute.threads))
    most = min(model.rows_at_once, file.metadata.num_rows)
    if kind == "cuda" and card.scores_on_gpu:
        trial.own_on_gpu(place)
    if engine != OWN:
        _try_others(trial, engine, file.metadata.num_rows, most, journal)
    found = _said(trial, engine, journal)
    return replace(found, witness=seen) if found.kind == "cuda" else found


@dataclass
class _Trial:
    """What was tried, on this rank; reports are those of all ranks."""

    model: Model
    rows: Sample
    peers: Peers
    kind: str
    name: str
    threads: int
    reports: list[Parity] = field(default_factory=list)
    passed: dict[str, Scores] = field(default_factory=dict)
    untried: str = ""

    def own_on_gpu(self, place: Path) -> None:
        told = self.rows.report(OWN, self.name, self._versions())
        who = Who(engine="The GPU", own="the CPU", on_gpu=True)

        def make() -> Scores:
            return OnItsGpu(load(place, self.threads, self.kind, tried=True).learner)

        self._keep(parity.gate(told, self.rows, make, who))

    def _versions(self) -> dict[str, str]:
        return versions_of(self.model.about, self.kind)

    def other(self, card: Scorer, most: int) -> None:
        there = dict(extras.present(set(card.packages)))
        told = self.rows.report(card.name, self.name, self._versions() | there)
        who = Who(engine=card.label, own=LIBRARY, on_gpu=self.kind == "cuda")
        made = parity.gate(told, self.rows, partial(self._made, card), who)
        if made.scores is not None:
            timed = partial(parity.timed, made.told, self.rows, self.own(), made.scores.predict)
            made = replace(made, told=timed(most))
        self._keep(made)

    def own(self) -> Predict:
        """The own library as it would predict without any other."""
        return self.passed.get(OWN, self.model.learner).predict

    def seconds(self, rows: int) -> float:
        """That the own library on the CPU needs for so many."""
        return self.rows.seconds / max(1, self.rows.rows) * rows

    def leave(self, why: str, journal: Journal) -> None:
        """No other library is tried."""
        self.untried = why
        journal.write("note", level="info", text=why)

    def _made(self, card: Scorer) -> Scores:
        learner = self.model.learner
        if not isinstance(learner, Convertible):
            raise CannotTake("Its learner has nothing that could be converted.")
        return card.make(learner, Where(device=self.kind, threads=self.threads))

    def _keep(self, made: Gated) -> None:
        """Passed is what did on all ranks: they are asked, each with its own report."""
        told = worst(self.peers.gather(made.told))
        self.reports.append(told)
        if told.used and made.scores is not None:
            self.passed[told.engine] = made.scores


def _try_others(trial: _Trial, engine: str, rows: int, most: int, journal: Journal) -> None:
    """The scorer that is named; or, where it is worth it, all that every rank's machine has."""
    if engine != FASTEST:
        wanted = [SCORERS[engine]]
    else:
        if trial.rows.rows and trial.peers.share(trial.seconds(rows)) < WORTH:
            text = f"{LIBRARY.capitalize()} has {rows:,} rows done at once: no other one is tried."
            trial.leave(text, journal)
            return
        possible = able(trial.model.about["algorithm"], trial.kind)
        here = {one.name for one in possible if not absent(one.name, trial.kind)}
        everywhere = set.intersection(*trial.peers.gather(here))
        wanted = [one for one in possible if one.name in everywhere]
        if not wanted:
            trial.leave("No other library that could take this model is installed here.", journal)
    for card in wanted:
        text = f"Comparing {card.label} with {LIBRARY}."
        journal.write("phase", name="read", text=text)
        trial.other(card, most)


def _said(trial: _Trial, engine: str, journal: Journal) -> Chosen:
    """What predicts now; notes say why, and why not. Of all ranks alike: by the reports alone."""
    best = _best(trial, engine)
    reports = [one if one.engine == best else _beaten(one, trial) for one in trial.reports]
    used = best in trial.passed
    kind, device = (trial.kind, trial.name) if used or trial.kind == "cpu" else ("cpu", "CPU")
    for one in reports:
        _tell(one, engine, device, trial.name, journal)
    scores = trial.passed.get(best)
    return Chosen(trial.model.learner, device, kind, best, scores, reports, trial.untried)


def _best(trial: _Trial, engine: str) -> str:
    """The engine that is named, or the fastest, of those that passed; else the own library."""
    others = [one for one in trial.reports if one.used and one.engine != OWN]
    if engine == FASTEST:
        others = [one for one in others if one.speed >= FASTER]
    return max(others, key=lambda one: one.speed).engine if others else OWN


def _beaten(told: Parity, trial: _Trial) -> Parity:
    """The report of what passed and is not used all the same."""
    if not told.used:
        return told
    if told.engine == OWN:
        return told.unused(f"{told.why} Another engine is used.")
    fast = f"it is {told.speed:.2g} times as fast"
    if told.speed < FASTER:
        return told.unused(f"{told.why} But {fast}, which is no gain.")
    return told.unused(f"{told.why} But another engine is faster still: {fast}.")


def _tell(told: Parity, engine: str, device: str, leased: str, journal: Journal) -> None:
    text, level = told.why, "info"
    if told.used:
        text = f"{told.why} {told.rows:,} rows were compared."
        if told.engine != OWN:
            text = f"{text} {SCORERS[told.engine].label} is used."
    elif told.engine == OWN or engine != FASTEST:
        level = "info" if told.agrees else "warning"
        if device != leased:
            text = f"{told.why} This job predicts on the CPU, not on {leased}."
        elif level == "warning":
            text = f"{told.why} {LIBRARY.capitalize()} predicts."
    journal.write("note", level=level, text=text)


def worst(all_: list[Parity]) -> Parity:
    """Of the ranks' comparisons the first that forbids, else the one that was furthest apart; as
    slow as on the slowest of them."""
    told = min(all_, key=lambda one: (one.used, -(one.difference or 0.0)))
    slowest = min(all_, key=lambda one: one.speed)
    return replace(told, seconds=slowest.seconds) if told.used else told


def first_rows(model: Model, file: pq.ParquetFile) -> pa.Table:
    """The inputs of the table's first rows that drop nothing, sought among LOOKED."""
    names = [one.name for one in model.encoder.columns]
    whole = file.schema_arrow
    schema = pa.schema([whole.field(name) for name in names])
    found = schema.empty_table()
    for batch in islice(file.iter_batches(parity.ROWS, columns=names), LOOKED // parity.ROWS):
        table = pa.Table.from_batches([batch.select(names)], schema)
        there = np.flatnonzero(model.complete(table).to_numpy(zero_copy_only=False))
        found = pa.concat_tables([found, table.take(pa.array(there, pa.int64()))])
        if len(found) >= parity.ROWS:
            break
    return found.slice(0, parity.ROWS).combine_chunks()
