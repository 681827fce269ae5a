"""From a dataset to what the loop runs on: pixels or features, and the net on its device."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from recipes import bundle, going_on
from recipes.algorithms.backbone_classifier import NEUTRAL
from recipes.data.cache import PixelCache, open_cache
from recipes.data.listing import BadData, Row
from recipes.data.split import Split
from recipes.engine import features
from recipes.engine.design import Design
from recipes.engine.facts import Clock
from recipes.engine.peers import Peers
from recipes.engine.sources import FeatureSource, PictureSource, Source
from recipes.events import Journal
from recipes.job import BadJob, Job
from recipes.nets import backbones, weights
from recipes.nets.backbones import Backbone, ImageInput
from recipes.nets.classifier import Net, Plan, freeze

PARTS = ("train", "val", "test")


@dataclass(frozen=True, kw_only=True)
class Work:
    """What all steps of a training share."""

    job: Job
    folder: Path
    peers: Peers
    journal: Journal
    design: Design
    clock: Clock
    device: str  # as a person calls it
    precision: str
    backbone: Backbone
    seen: ImageInput


@dataclass(frozen=True, kw_only=True)
class Ready:
    """What the loop runs on. With `features` the sources give those and the head alone runs.

    `pictures` are those of the training as pixels, whatever the sources give.
    """

    parts: Split
    sources: dict[str, Source]
    pictures: Source
    features: bool
    net: Net


def seen_by(backbone: Backbone, design: Design, parts: Split, journal: Journal) -> ImageInput:
    """How the net will see the pictures; a size that it cannot take becomes a note.

    A model that is gone on from sees them as it did. Raises BadJob where another size is asked for.
    """
    kept = design.goes_on_from
    if kept is not None and not design.params["image_size"]:
        return kept.seen
    sides = [min(row.width, row.height) for row in parts.train if row.width and row.height]
    asked = design.params["image_size"]
    seen = backbones.input_for(
        backbone,
        asked=asked,
        shorter_side=statistics.median(sides) if sides else backbone.input.size,
        pretrained=design.params["pretrained"],
    )
    if asked and asked != seen.size:
        text = f"{backbone.label} takes {seen.size} px here, not {asked}."
        journal.write("note", level="warning", text=text)
    if kept is not None and (sentence := going_on.other_size(kept.seen.size, seen.size)):
        raise BadJob(sentence)
    return kept.seen if kept is not None else seen


def prepare(work: Work, parts: Split) -> Ready:
    """Pixels, or features of them, of all parts; and the net on its device."""
    design, peers, journal = work.design, work.peers, work.journal
    home = Path(work.job.cache or work.folder / "cache")
    rows = [row for name in PARTS for row in getattr(parts, name)]
    kept = design.goes_on_from
    if peers.rank == 0 and design.params["pretrained"] and kept is None:
        weights.ensure(work.backbone, _weights_home(work))  # before minutes of decoding
    peers.barrier()
    journal.write("phase", name="cache", text=f"Decoding {len(rows)} pictures once.")
    threads = work.job.compute.threads
    cache = open_cache(home, design.fingerprint, rows, work.seen, peers, threads)
    whole = _without_damaged(parts, rows, cache, journal)
    net = _net(work, len(parts.classes))
    sources = _pictures(work, whole, rows, cache)
    pictures = sources["train"]
    if design.params["retrained"] != "head" or design.augmentation != NEUTRAL:
        return Ready(parts=whole, sources=sources, pictures=pictures, features=False, net=net)
    journal.write(
        "phase", name="features", text=f"Computing the features of {len(rows)} pictures once."
    )
    # Damaged pictures have no pixels, so features are those of the rows that are left.
    left = [row for name in PARTS for row in getattr(whole, name)]
    together = replace(whole, train=left, val=[], test=[])
    everything = _pictures(work, together, rows, cache)["train"]
    body = "" if kept is None else features.weights_of(net.body)
    name = features.name(
        design.fingerprint, left, work.seen, work.backbone, work.precision, body=body
    )
    made = features.compute(
        home / name,
        net,
        everything,
        peers,
        work.precision,
        journal,
    )
    sources = _features(whole, made, peers.device)
    return Ready(parts=whole, sources=sources, pictures=pictures, features=True, net=net)


def _weights_home(work: Work) -> Path:
    return Path(work.job.weights or work.folder / "weights")


def _net(work: Work, classes: int) -> Net:
    params, kept = work.design.params, work.design.goes_on_from
    folder = _weights_home(work) if kept is None else None
    torch.manual_seed(work.job.seed)  # the same first weights on every rank
    net = work.design.algorithm.build(
        Plan(
            backbone=work.backbone.name,
            classes=classes,
            dropout=params["dropout"],
            pretrained=params["pretrained"],
            weights=folder,
        )
    )
    if kept is not None:
        bundle.put_weights(net, kept.bundle)
    freeze(net, params["retrained"])
    return net.to(work.peers.device)


def _without_damaged(
    parts: Split, rows: Sequence[Row], cache: PixelCache, journal: Journal
) -> Split:
    if not cache.damaged:
        return parts
    lost = {rows[place].number for place in cache.damaged}
    for place, why in sorted(cache.damaged.items())[:20]:
        text = f"{rows[place].path} is left out: {why}"
        journal.write("note", level="warning", text=text)
    whole = replace(
        parts,
        **{name: [row for row in getattr(parts, name) if row.number not in lost] for name in PARTS},
    )
    if not whole.train or not whole.val:
        raise BadData(f"{len(lost)} pictures cannot be decoded and none is left to train with.")
    return whole


def _pictures(
    work: Work, parts: Split, rows: Sequence[Row], cache: PixelCache
) -> dict[str, Source]:
    place = {row.number: place for place, row in enumerate(rows)}
    return {
        name: PictureSource(
            cache,
            [place[row.number] for row in getattr(parts, name)],
            _labels(parts, name),
            work.seen,
            work.design.augmentation,
            work.peers.device,
        )
        for name in PARTS
    }


def _features(parts: Split, made: torch.Tensor, device: torch.device) -> dict[str, Source]:
    found: dict[str, Source] = {}
    start = 0
    for name in PARTS:
        labels = _labels(parts, name)
        found[name] = FeatureSource(made[start : start + len(labels)], labels, device)
        start += len(labels)
    return found


def _labels(parts: Split, name: str) -> list[int]:
    known = {label: place for place, label in enumerate(parts.classes)}
    return [known[row.label] for row in getattr(parts, name)]
