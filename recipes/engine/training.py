"""A train job from its spec to its bundle."""

from contextlib import closing
from pathlib import Path

from recipes import going_on
from recipes import job as jobs
from recipes.data import listing
from recipes.data.split import Split, split
from recipes.engine import design as designs
from recipes.engine import outcome
from recipes.engine.course import Course
from recipes.engine.facts import Clock, of_all, versions
from recipes.engine.finite import NotFinite
from recipes.engine.loop import Loop
from recipes.engine.memory import explained
from recipes.engine.peers import Peers, device_name, precision_for
from recipes.engine.prepare import Ready, Work, prepare, seen_by
from recipes.events import Journal
from recipes.job import BadJob, Job
from recipes.nets import backbones


def train(job: Job, folder: Path, peers: Peers) -> None:
    """Train, and leave the bundle in the job's folder."""
    with closing(Journal(folder, rank=peers.rank)) as journal:
        work, parts = _plan(job, folder, peers, journal)
        batch, retrained = work.design.training["batch_size"], work.design.params["retrained"]
        with explained(peers.device, batch=batch, size=work.seen.size, retrained=retrained):
            _train(work, parts)


def _plan(job: Job, folder: Path, peers: Peers, journal: Journal) -> tuple[Work, Split]:
    clock = Clock(peers.device, job.compute)
    precision = precision_for(job.compute.precision, peers.device)
    device = device_name(job.compute, peers.device)
    journal.write(
        "started",
        device=device,
        ranks=peers.world,
        threads=job.compute.threads,
        precision=precision,
        versions=versions(),
    )
    design = designs.read(job, peers.device.type)
    journal.write("phase", name="read", text="Reading the list of pictures.")
    parts = split(listing.read(design.dataset), design.split)
    for text in [*design.notes, *parts.notes]:
        journal.write("note", level="info", text=text)
    _agree(design, parts)
    backbone = backbones.find(design.params["backbone"])
    work = Work(
        job=job,
        folder=folder,
        peers=peers,
        journal=journal,
        design=design,
        clock=clock,
        device=device,
        precision=precision,
        backbone=backbone,
        seen=seen_by(backbone, design, parts, journal),
    )
    return work, parts


def _agree(design: designs.Design, parts: Split) -> None:
    kept = design.goes_on_from
    if kept and (said := going_on.unlike(kept.about["classes"], parts.classes, "dataset")):
        raise BadJob(said)


def _train(work: Work, parts: Split) -> None:
    design, peers, journal = work.design, work.peers, work.journal
    ready = prepare(work, parts)
    loop = Loop(
        ready.net,
        Course(
            train=ready.sources["train"],
            val=ready.sources["val"],
            settings=design.training,
            metric=design.metric,
            classes=len(parts.classes),
            pretrained=design.params["pretrained"],
            precision="fp32" if ready.features else work.precision,
            seed=work.job.seed,
            home=work.folder / "checkpoints",
            features=ready.features,
            before=design.goes_on_from.rounds if design.goes_on_from else 0,
            stopped=lambda: jobs.wanted_stop(work.folder),
        ),
        peers,
        journal,
    )
    journal.write("phase", name="train", text=f"Training {work.backbone.label}.")
    _tell_begin(work, ready, loop)
    try:
        standing = loop.run()
    except NotFinite:
        loop.pace.gap(loop.at.epoch + loop.at.within / len(loop.plan()), loop.at.step + 1)
        raise
    if standing.early:
        journal.write("note", level="info", text=standing.early)
    journal.write("phase", name="report", text="Judging the best weights.")
    judged = {name: outcome.judge(loop, ready, name) for name in ("val", "test")}
    used = of_all(work.clock, peers, journal, first_step=loop.pace.first_step)
    if peers.rank == 0:
        outcome.publish(work, ready, loop, judged, used)
    peers.barrier()


def _tell_begin(work: Work, ready: Ready, loop: Loop) -> None:
    """What the model that is gone on from makes of today's pictures. All ranks call it."""
    kept, at = work.design.goes_on_from, loop.at
    if kept is None or at.epoch or at.within:
        return
    judged = outcome.judge(loop, ready, "val")
    if judged is None:
        return
    metric = work.design.metric
    at.began = {name: judged.metrics[name] for name in ("log_loss", metric.name)}
    figures = f"the log loss {at.began['log_loss']:.4f}"
    score = at.began[metric.name]
    if score is not None and metric.name != "log_loss":
        figures += f" ({metric.label}: {score:.4f})"
    text = f"Before it learns on, {kept.name} has on today's validation pictures {figures}."
    work.journal.write("note", level="info", text=text)
