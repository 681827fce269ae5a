"""An evaluate job on pictures: the ranks share them, rank 0 judges and writes."""

from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from recipes import bundle, pulse
from recipes.data import listing
from recipes.data.listing import Row
from recipes.engine import drifted, evaluation, metrics, reference_pictures, report
from recipes.engine.evaluation import Json, LeftOut
from recipes.engine.facts import versions
from recipes.engine.memory import explained
from recipes.engine.metrics import Floats
from recipes.engine.pace import Count
from recipes.engine.peers import Peers, autocast, device_name, precision_for
from recipes.engine.predict import BATCH, batches, probabilities
from recipes.engine.reference_pictures import EMBEDDING
from recipes.engine.scoring import TOLD, Reader
from recipes.engine.sources import Normal, Places, ahead
from recipes.engine.tabular.judged_rows import JudgedRows
from recipes.events import Journal
from recipes.job import BadJob, Job

SEED = 7  # of the pictures that are compared with the training's


class _Made(NamedTuple):
    """What a batch gave: probabilities, why pictures are damaged, what is compared, by place."""

    probas: dict[int, Floats]
    damaged: dict[int, str]
    looked: dict[int, dict[str, Tensor]]


def evaluate_pictures(job: Job, folder: Path, peers: Peers) -> None:
    """Write `evaluation.json` and, where the spec asks for `rows`, `output/table.parquet`."""
    with closing(Journal(folder, rank=peers.rank)) as journal:
        journal.write(
            "started",
            device=device_name(job.compute, peers.device),
            ranks=peers.world,
            threads=job.compute.threads,
            precision=precision_for(job.compute.precision, peers.device),
            versions=versions(),
        )
        if not job.spec.get("dataset"):
            raise BadJob("The job names no dataset.")
        journal.write("phase", name="read", text="Reading the model and the list of pictures.")
        place = Path(job.spec["bundle"])
        model = bundle.load(place)
        listed = listing.read(Path(job.spec["dataset"]["folder"]))
        rows, left = _known(listed, model.classes)
        journal.write("phase", name="score", text=f"Judging {len(rows)} pictures.")
        size = int(job.spec.get("batch") or BATCH)
        with explained(peers.device, batch=size, size=model.seen.size, retrained="head"):
            made = _share(
                model, rows, peers, job, Count(journal, peers.world, len(rows), unit="row")
            )
        if peers.rank == 0:
            journal.write("phase", name="report", text="Comparing with the training.")
            judged = _Judged(model, place, rows, left, made)
            table = _written(judged, folder, wanted=bool(job.spec.get("rows", True)))
            _finish(judged, table, len(listed), folder, journal)
        peers.barrier()


def _known(rows: list[Row], classes: list[str]) -> tuple[list[Row], LeftOut]:
    """The pictures that can be judged. Raises BadData where there is none."""
    left = LeftOut()
    labelled = [row for row in rows if row.label]
    left.add("they have no label", len(rows) - len(labelled))
    left.strange(row.label for row in labelled if row.label not in classes)
    known = [row for row in labelled if row.label in classes]
    if not known:
        raise left.nothing("pictures")
    return known, left


def _share(model: bundle.Bundle, rows: list[Row], peers: Peers, job: Job, count: Count) -> _Made:
    """What all ranks made together."""
    net, precision = model.net.to(peers.device), precision_for(job.compute.precision, peers.device)
    reader, normal = Reader(rows, model.seen), Normal(model.seen, peers.device)
    looked_at = set(reference_pictures.places(len(rows), SEED).tolist())
    turns = [one for _, one in batches(len(rows), peers, int(job.spec.get("batch") or BATCH))]
    threads = job.compute.threads if peers.readers or job.compute.threads > 1 else 0
    read = ahead((partial(reader.batch, one) for one in turns), threads=threads, depth=4)
    mine = _Made({}, {}, {})
    with torch.inference_mode():
        for chosen, (pixels, damaged) in zip(turns, read, strict=True):
            with autocast(peers.device, precision):
                features = net.body(normal(normal.lift(pixels)))
            given = probabilities(net.head(features.float()).float().cpu())
            mine.damaged.update(damaged)
            for at, place in enumerate(chosen.tolist()):
                if place in damaged:
                    continue
                mine.probas[place] = given[at]
                if place in looked_at:
                    mine.looked[place] = _look(pixels, features, at)
            pulse.beat()
            count.add(len(chosen))
    whole = _Made({}, {}, {})
    for part in peers.gather(mine):
        whole.probas.update(part.probas)
        whole.damaged.update(part.damaged)
        whole.looked.update(part.looked)
    return whole


def _look(pixels: Tensor, features: Tensor, at: int) -> dict[str, Tensor]:
    found = reference_pictures.figures(pixels[at : at + 1])
    return {**found, EMBEDDING: features[at : at + 1].half().cpu()}


class _Judged:
    """The pictures that were predicted, in their order, with truth and probabilities."""

    def __init__(
        self, model: bundle.Bundle, place: Path, rows: list[Row], left: LeftOut, made: _Made
    ) -> None:
        self.model, self.bundle, self.left = model, place, left
        self.damaged = {rows[one].path: why for one, why in sorted(made.damaged.items())}
        left.add("the picture cannot be decoded", len(self.damaged))
        if not made.probas:
            raise left.nothing("pictures")
        places = sorted(made.probas)
        self.rows = [rows[one] for one in places]
        self.probas: Floats = np.stack([made.probas[one] for one in places])
        known = {name: number for number, name in enumerate(model.classes)}
        self.true = np.array([known[row.label] for row in self.rows], np.int64)
        self.looked = _together(rows, made)


def _together(rows: list[Row], made: _Made) -> dict[str, Tensor]:
    looked: Places = np.array(sorted(made.looked), np.int64)
    if not len(looked):
        return {}
    parts = [made.looked[place] for place in looked.tolist()]
    joined = {name: torch.cat([one[name] for one in parts]) for name in parts[0]}
    return {**joined, **reference_pictures.sizes([rows[place] for place in looked.tolist()])}


def _finish(judged: _Judged, table: Json, of: int, folder: Path, journal: Journal) -> None:
    about, left = judged.model.model, judged.left
    moved = _drift(judged)
    made = evaluation.write(
        folder,
        {
            **evaluation.about(about),
            **report.make(
                judged.rows, judged.true, judged.probas, judged.model.classes, split="evaluation"
            ),
            "rows": len(judged.rows),
            "judged": len(judged.rows),
            "of": of,
            "metrics": metrics.judge(judged.true, judged.probas),
            **left.told(),
            "drift": moved,
        },
    )
    told = [f"{path} is not judged: {why}" for path, why in [*judged.damaged.items()][:TOLD]]
    for text in [*told, *left.sentences("pictures"), *evaluation.sentences(moved)]:
        journal.write("note", level="warning", text=text)
    journal.write("finished", **evaluation.finished(folder, about, made), **table)


def _written(judged: _Judged, folder: Path, *, wanted: bool) -> Json:
    """The judged pictures as a table: path, label, prediction, probabilities, correct."""
    written = JudgedRows(folder, wanted=wanted)
    named = {"path": [row.path for row in judged.rows], "label": [row.label for row in judged.rows]}
    about = {"classes": judged.model.classes}
    written.add(pa.table(named), judged.probas, judged.true.astype(np.float64), about)
    written.close()
    return written.told()


def _drift(judged: _Judged) -> Json:
    before = reference_pictures.read(judged.bundle)
    known = before is not None and bool(judged.looked)
    classes = np.array(judged.model.classes, object)
    was = report.read_predictions(judged.bundle)
    said = evaluation.moved_classes(
        "prediction", [one["predicted"] for one in was], classes[judged.probas.argmax(1)]
    )
    sure = np.array([max(one["probas"].values()) for one in was])
    said += evaluation.moved_numbers("highest probability", sure, judged.probas.max(1))
    labels = evaluation.moved_classes("label", [one["true"] for one in was], classes[judged.true])
    data: Any = reference_pictures.compared(before, judged.looked) if before and known else None
    return {
        "data": data,
        "why": "" if known else evaluation.OLD,
        "prediction": drifted.ranked(said),
        "target": drifted.ranked(labels),
    }
