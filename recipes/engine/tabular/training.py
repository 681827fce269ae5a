"""A train job on a table, from its spec to its bundle."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from threadpoolctl import threadpool_limits

from recipes import going_on
from recipes.engine.facts import Clock, of_all, versions_of
from recipes.engine.metrics import Ints
from recipes.engine.peers import Peers, device_name
from recipes.engine.tabular import (
    course,
    fitting,
    gpu_room,
    learning_curve,
    outcome,
    report_steps,
    rows,
    searching,
)
from recipes.engine.tabular import design as designs
from recipes.engine.tabular.design import TableDesign
from recipes.engine.tabular.model import Model
from recipes.events import Journal
from recipes.job import BadJob, Job
from recipes.learners.learner import ALONE, Company


def train_table(job: Job, folder: Path, peers: Peers) -> None:
    """Train, and leave the bundle in the job's folder."""
    # A forked job's libraries were loaded with one thread each.
    with (
        threadpool_limits(job.compute.threads),
        closing(Journal(folder, rank=peers.rank)) as journal,
    ):
        clock = Clock(peers.device, job.compute)
        design = _begin(job, peers, journal)
        journal.write("phase", name="read", text="Reading the table.")
        card = design.algorithm
        gpu = gpu_room.usable(job.compute, peers) if card.gpu_room else None
        from_disk = peers.world == 1 and card.learns_from_disk(design.params, peers.device.type)
        ready = rows.read(design, job.compute.ranks, from_disk=from_disk, gpu=gpu)
        _agree(design, ready)
        for text in ready.notes:
            journal.write("note", level="info", text=text)
        text = f"Training {design.algorithm.label} on {len(ready.parts.train):,} rows."
        journal.write("phase", name="train", text=text)
        fit = fitting.Fit(
            job=job,
            folder=folder,
            journal=journal,
            design=design,
            ready=ready,
            device=peers.device.type if design.algorithm.on_gpu else "cpu",
            course=_course(design, ready),
            company=_company(job, peers),
            reporting=report_steps.measured,
        )
        ended = _fit(fit)
        used = {
            **of_all(clock, peers, journal, first_step=fit.first_step, idle=fit.device == "cpu"),
            "device": device_name(job.compute, peers.device),
            "ranks": peers.world,
        }
        if peers.rank == 0:
            outcome.publish(fit, ended, used)
        peers.barrier()


def _course(design: TableDesign, ready: rows.Ready) -> course.Course:
    after = report_steps.guessed(len(design.inputs), len(ready.parts.val))
    return course.of(design, len(ready.parts.folds), learning_curve.SHARES, after)


def _company(job: Job, peers: Peers) -> Company:
    host = urlsplit(job.compute.rendezvous).hostname or ALONE.host
    return Company(
        rank=peers.rank,
        world=peers.world,
        host=host,
        open=job.compute.open,
        share=peers.share,
        sum=peers.sum,
        wrap=peers.wrap,
    )


def _begin(job: Job, peers: Peers, journal: Journal) -> TableDesign:
    journal.write(
        "started",
        device=device_name(job.compute, peers.device),
        ranks=peers.world,
        threads=job.compute.threads,
        precision="fp32",
        versions=versions_of(job.spec, job.compute.device),
    )
    design = designs.read(job, peers.device.type)
    if peers.world > 1 and (one := _alone(design)):
        raise BadJob(
            f"{one} learns in one process with all its threads, not in "
            f"{peers.world} ranks. Choose one GPU, or the CPU with one rank."
        )
    for text in design.notes:
        journal.write("note", level="info", text=text)
    return design


def _alone(design: TableDesign) -> str:
    """What cannot be learned by several ranks: the algorithm, or one of its params; or ""."""
    card = design.algorithm
    if not card.spreads:
        return card.label
    if card.alone is None or design.params[card.alone[0]] != card.alone[1]:
        return ""
    return "{} with {!r}: {!r}".format(card.label, *card.alone)


def _agree(design: TableDesign, ready: rows.Ready) -> None:
    kept = design.goes_on_from
    if kept is not None and (sentence := going_on.unlike(kept.about["classes"], ready.classes)):
        raise BadJob(sentence)


def _fit(fit: fitting.Fit) -> outcome.Ended:
    def say(text: str) -> None:
        fit.journal.write("phase", name="train", text=text)

    parts = fit.ready.parts
    found = searching.search(fit, say) if fit.design.search else None
    if not parts.folds:
        model, first, judged = fitting.once(fit, say)
        learned = parts.train if model is first else np.union1d(parts.train, parts.val)
        curve = _curve(fit, first, parts.train, judged["val"], say)
        return outcome.Ended(model, first, judged, [], learned, curve, found)
    model, first, judged, folds = fitting.crossed(fit, say)
    if fit.early:
        text = f"Finished early, after {len(folds)} of {len(parts.folds)} folds."
        fit.journal.write("note", level="info", text=text)
    train = np.setdiff1d(parts.train, folds[0].rows)
    curve = _curve(fit, first, train, folds[0], say)
    return outcome.Ended(model, first, judged, folds, parts.train, curve, found)


def _curve(
    fit: fitting.Fit, model: Model, train: Ints, judged: fitting.Judged, say: Callable[[str], None]
) -> dict[str, Any] | None:
    """The learning curve, where it is asked for and says something."""
    if not fit.design.learning_curve:
        return None
    if fit.design.goes_on_from is not None:
        text = "No learning curve: the model that the training goes on from knows more rows."
        fit.journal.write("note", level="info", text=text)
        return None
    return learning_curve.make(fit, model, train, judged, say)
