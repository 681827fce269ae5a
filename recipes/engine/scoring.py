"""A score job: the ranks share the rows and rank 0 puts the table together in their order."""

import csv
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import torch
from torch import Tensor

from recipes import bundle
from recipes.data import listing, pictures
from recipes.data.cache import Pixels, middle, resize
from recipes.data.listing import Row
from recipes.engine.facts import versions
from recipes.engine.memory import explained
from recipes.engine.pace import Count
from recipes.engine.peers import Peers, autocast, device_name, precision_for
from recipes.engine.predict import BATCH, batches, probabilities
from recipes.engine.sources import Normal, Places, ahead
from recipes.events import Journal
from recipes.job import BadJob, Job
from recipes.nets.backbones import ImageInput

DISTINCT = 2_000_000  # values that are counted at most, over all columns
TOLD = 20  # damaged pictures that are named one by one


def score_job(job: Job, folder: Path, peers: Peers) -> None:
    """Write `output/data.csv`: path, prediction and a column of probability for each class."""
    with closing(Journal(folder, rank=peers.rank)) as journal:
        _score(job, folder, peers, journal)


def _score(job: Job, folder: Path, peers: Peers, journal: Journal) -> None:
    precision = precision_for(job.compute.precision, peers.device)
    journal.write(
        "started",
        device=device_name(job.compute, peers.device),
        ranks=peers.world,
        threads=job.compute.threads,
        precision=precision,
        versions=versions(),
    )
    for name in ("bundle", "dataset"):
        if not job.spec.get(name):
            raise BadJob(f"The job names no {name}.")
    journal.write("phase", name="read", text="Reading the model and the list of pictures.")
    model = bundle.load(Path(job.spec["bundle"]))
    rows = listing.read(Path(job.spec["dataset"]["folder"]))
    journal.write("phase", name="score", text=f"Scoring {len(rows)} pictures.")
    parts = folder / "parts"
    parts.mkdir(exist_ok=True)
    size = int(job.spec.get("batch") or BATCH)
    with explained(peers.device, batch=size, size=model.seen.size, retrained="head"):
        _share(model, rows, peers, parts, job, Count(journal, peers.world, len(rows), unit="row"))
    peers.barrier()
    if peers.rank == 0:
        _finish(folder, model, peers.world, len(rows), size, journal)
    peers.barrier()


class Reader:
    """Decodes rows into batches as the net saw them in validation."""

    def __init__(self, rows: list[Row], seen: ImageInput) -> None:
        self._rows = rows
        self._seen = seen

    def batch(self, places: Places) -> tuple[Tensor, dict[int, str]]:
        """Pixels of these rows; black, with the reason, where one is damaged."""
        cut: list[Pixels] = []
        damaged: dict[int, str] = {}
        for place in places.tolist():
            try:
                image = resize(pictures.open_rgb(self._rows[place].file), self._seen)
                cut.append(middle(np.asarray(image), self._seen.size))
            except pictures.BadPicture as why:
                damaged[place] = str(why)
            except OSError as why:
                damaged[place] = f"The file cannot be read: {why.strerror or why}."
            if place in damaged:
                cut.append(np.zeros((self._seen.size, self._seen.size, 3), np.uint8))
        return torch.from_numpy(np.stack(cut)), damaged


def _share(
    model: bundle.Bundle, rows: list[Row], peers: Peers, parts: Path, job: Job, count: Count
) -> None:
    """This rank's batches, a line a row, in a part file of its own."""
    net = model.net.to(peers.device)
    reader, normal = Reader(rows, model.seen), Normal(model.seen, peers.device)
    precision = precision_for(job.compute.precision, peers.device)
    places = [
        chosen for _, chosen in batches(len(rows), peers, int(job.spec.get("batch") or BATCH))
    ]
    # One thread reads in turn with the net; more of them read ahead of it.
    threads = job.compute.threads if peers.readers or job.compute.threads > 1 else 0
    made = ahead((partial(reader.batch, one) for one in places), threads=threads, depth=4)
    with (parts / f"{peers.rank}.jsonl").open("w") as out, torch.inference_mode():
        for chosen, (pixels, damaged) in zip(places, made, strict=True):
            with autocast(peers.device, precision):
                logits = net(normal(normal.lift(pixels)))
            given = probabilities(logits.float().cpu())
            for place, probas in zip(chosen.tolist(), given, strict=True):
                why = damaged.get(place)
                line = {"path": rows[place].path, "why": why}
                out.write(json.dumps(line | {"p": None if why else probas.tolist()}) + "\n")
            count.add(len(chosen))


class _Columns:
    """What the columns of the table hold: how many cells are empty, how many values differ."""

    def __init__(self, names: list[str]) -> None:
        self._names = names
        self._missing = [0] * len(names)
        self._seen: list[set[int] | None] = [set() for _ in names]
        self._most = DISTINCT // len(names)

    def take(self, row: list[str]) -> list[str]:
        """Count the row and hand it on."""
        for place, cell in enumerate(row):
            seen = self._seen[place]
            if not cell:
                self._missing[place] += 1
            elif seen is not None:
                seen.add(hash(cell))
                if len(seen) > self._most:
                    self._seen[place] = None
        return row

    def told(self) -> list[dict[str, Any]]:
        """A record a column; `distinct` is null where there are too many to count."""
        return [
            {
                "name": name,
                "type": "number" if place > 1 else "string",
                "missing": missing,
                "distinct": None if seen is None else len(seen),
            }
            for place, (name, missing, seen) in enumerate(
                zip(self._names, self._missing, self._seen, strict=True)
            )
        ]


def _finish(
    folder: Path, model: bundle.Bundle, world: int, rows: int, size: int, journal: Journal
) -> None:
    output, draft = folder / "output", folder / ".output"
    for old in (output, draft):
        shutil.rmtree(old, ignore_errors=True)
    draft.mkdir()
    damaged = []
    header = ["path", "prediction", *(f"proba_{name}" for name in model.classes)]
    columns = _Columns(header)
    with (draft / "data.csv").open("w", newline="") as out:
        table = csv.writer(out, lineterminator="\n")
        table.writerow(header)
        for line in _merged(folder / "parts", world, size):
            if line["why"]:
                damaged.append(line)
                table.writerow(columns.take([line["path"], "", *("" for _ in model.classes)]))
                continue
            best = model.classes[int(np.argmax(line["p"]))]
            table.writerow(columns.take([line["path"], best, *(f"{p:.6f}" for p in line["p"])]))
        out.flush()
        os.fsync(out.fileno())
    draft.rename(output)
    shutil.rmtree(folder / "parts")
    for line in damaged[:TOLD]:
        text = f"{line['path']} has no prediction: {line['why']}"
        journal.write("note", level="warning", text=text)
    if len(damaged) > TOLD:
        text = f"{len(damaged)} pictures in all have no prediction."
        journal.write("note", level="warning", text=text)
    journal.write(
        "finished",
        rows=rows,
        columns=columns.told(),
        file="output/data.csv",
        damaged=len(damaged),
    )


def _merged(parts: Path, world: int, size: int) -> Iterator[dict[str, Any]]:
    """All lines in the order of the rows: the ranks took turns, a batch each."""
    with ExitStack() as stack:
        sources: list[TextIO] = [
            stack.enter_context((parts / f"{rank}.jsonl").open()) for rank in range(world)
        ]
        turn = 0
        while True:
            taken = [line for _, line in zip(range(size), sources[turn % world], strict=False)]
            if not taken:
                return
            yield from map(json.loads, taken)
            turn += 1
