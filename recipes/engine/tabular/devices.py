"""Where a model of a table predicts: on the leased GPU where it predicts alike, else on the CPU."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from threadpoolctl import threadpool_limits

from recipes.algorithms import ALGORITHMS
from recipes.engine.facts import versions
from recipes.engine.peers import Peers, device_name
from recipes.engine.tabular import parity
from recipes.engine.tabular.model import Model, load
from recipes.engine.tabular.parity import Parity
from recipes.events import Journal
from recipes.job import BadJob, Job
from recipes.learners.learner import Learner, OnGpu, WrongDevice


@dataclass(frozen=True)
class Chosen:
    """The learner that predicts; `parity` is None where no GPU was leased."""

    learner: Learner
    parity: Parity | None
    device: str  # what a person calls it

    def verify(self) -> None:
        """After the last row: it predicted where the job says. Raises WrongDevice."""
        if self.parity is None or not self.parity.used:
            return
        on = self.learner.predicts_on() if isinstance(self.learner, OnGpu) else "cpu"
        if not on.startswith("cuda"):
            raise WrongDevice(
                f"The job was to predict on {self.device} and the library went over to {on} on "
                "its way. Look at the node's driver, or choose the CPU."
            )

    def facts(self) -> dict[str, Any]:
        return {"device": self.device, "parity": self.parity.facts() if self.parity else None}


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
            versions=versions("table"),
        )
        if not job.spec.get("dataset"):
            raise BadJob("The job names no dataset.")
        journal.write("phase", name="read", text="Reading the model and the table's columns.")
        yield journal, threads


def chosen(
    job: Job, peers: Peers, place: Path, model: Model, file: pq.ParquetFile, journal: Journal
) -> Chosen:
    """Compare on the table's first rows where a GPU was leased, and say what follows.

    All ranks predict on their GPUs, or none does: a table's rows are all told alike. Raises BadJob
    where this model's algorithm has nothing to do with a GPU.
    """
    own, name = model.learner, device_name(job.compute, peers.device)
    if peers.device.type != "cuda":
        return Chosen(own, None, name)
    card = ALGORITHMS[model.about["algorithm"]]
    if not card.scores_on_gpu:
        raise BadJob(f"{card.label} predicts on the CPU alone: choose the CPU.")
    gpu = load(place, max(1, job.compute.threads), device=peers.device.type)
    told = parity.gate(
        gpu.encoder,  # another one counts unseen values that the job itself will count
        first_rows(model, file),
        (own, gpu.learner),
        device=name,
        versions=versions("table"),
    )
    told = worst(peers.gather(told))
    if told.used:
        journal.write("note", level="info", text=f"{told.why} {told.rows:,} rows were compared.")
        return Chosen(gpu.learner, told, name)
    text = f"{told.why} This job predicts on the CPU, not on {name}."
    journal.write("note", level="warning", text=text)
    return Chosen(own, told, "CPU")


def worst(all_: list[Parity]) -> Parity:
    """Of the ranks' comparisons the first that forbids, else the one that was furthest apart."""
    return min(all_, key=lambda one: (one.used, -(one.difference or 0.0)))


def first_rows(model: Model, file: pq.ParquetFile) -> pa.Table:
    """The inputs of the table's first rows, as far as they drop nothing."""
    names = [one.name for one in model.encoder.columns]
    first = islice(file.iter_batches(parity.ROWS, columns=names), 1)
    schema = pa.schema([file.schema_arrow.field(name) for name in names])
    table = pa.Table.from_batches([one.select(names) for one in first], schema)
    there = np.flatnonzero(model.complete(table).to_numpy(zero_copy_only=False))
    return table.take(pa.array(there, pa.int64()))
