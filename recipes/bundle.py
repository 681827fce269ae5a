"""A bundle is a trained model as a folder: `model.json`, the model's own files and its report.

It is written whole or not at all, and not opened when a file differs from what `model.json` says.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from safetensors.torch import load_file, save_file
from torch import Tensor

from recipes.algorithms import ALGORITHMS
from recipes.nets.backbones import ImageInput
from recipes.nets.classifier import Net, Plan

VERSION = 1
WEIGHTS = "weights.safetensors"


class BadBundle(Exception):
    """The folder is no bundle that can be used; the message says why."""

    code = "bad_data"


class Bundle(NamedTuple):
    """A bundle in memory: what it says of itself, the net in evaluation mode, how it sees."""

    model: dict[str, Any]
    net: Net
    seen: ImageInput

    @property
    def classes(self) -> list[str]:
        return list(self.model["classes"])


def write(
    place: Path, model: dict[str, Any], report: dict[str, Any], save: Callable[[Path], None]
) -> int:
    """Make the bundle; its size in bytes. `save` puts the model's own files into a folder."""
    draft = place.with_name(f".{place.name}")
    for old in (draft, place):
        shutil.rmtree(old, ignore_errors=True)
    draft.mkdir(parents=True)
    save(draft)
    (draft / "report.json").write_text(json.dumps(report, allow_nan=False))
    hashes = {one.name: sha256(one) for one in sorted(draft.iterdir())}
    text = json.dumps({"version": VERSION, **model, "sha256": hashes}, indent=1, allow_nan=False)
    (draft / "model.json").write_text(text)
    for one in draft.iterdir():
        with one.open("rb") as written:
            os.fsync(written.fileno())
    size = sum(one.stat().st_size for one in draft.iterdir())
    draft.rename(place)
    return size


def save_net(net: Net, rows: list[dict[str, Any]], folder: Path) -> None:
    """The files of an image model: its weights and its predictions."""
    state: dict[str, Tensor] = {name: one.contiguous() for name, one in net.state_dict().items()}
    save_file(state, folder / WEIGHTS)
    lines = [json.dumps(row, allow_nan=False) + "\n" for row in rows]
    (folder / "predictions.jsonl").write_text("".join(lines))


def put_weights(net: Net, place: Path) -> None:
    """Those of an image model into a net of the same form."""
    net.load_state_dict(load_file(place / WEIGHTS))


def describe(seen: ImageInput) -> dict[str, Any]:
    """The `image` part of model.json."""
    return asdict(seen)


def seen_by(model: dict[str, Any]) -> ImageInput:
    """What `describe` has made of it."""
    image = model["image"]
    return ImageInput(**{**image, "mean": tuple(image["mean"]), "std": tuple(image["std"])})


def read_model(place: Path) -> dict[str, Any]:
    """`model.json`, after each file was checked against it. Raises BadBundle."""
    try:
        model: dict[str, Any] = json.loads((place / "model.json").read_text())
        version, hashes = model["version"], model["sha256"]
    except FileNotFoundError:
        raise BadBundle(f"{place} is no bundle: it has no model.json.") from None
    except (OSError, ValueError, KeyError, TypeError) as torn:
        raise BadBundle(f"{place / 'model.json'} is damaged: {torn}.") from None
    if version != VERSION:
        raise BadBundle(f"The bundle in {place} has version {version}; this reads {VERSION}.")
    strange = sorted({one.name for one in place.iterdir()} - set(hashes) - {"model.json"})
    if strange:  # a model's file that model.json leaves out would be read unchecked
        raise BadBundle(
            f"The bundle in {place} holds {strange[0]}, which its model.json does not list. "
            "Take it out, or fetch the bundle again."
        )
    for name, digest in hashes.items():
        if Path(name).name != name or not (place / name).is_file():
            raise BadBundle(f"The bundle in {place} lacks the file {name}.")
        if sha256(place / name) != digest:
            raise BadBundle(
                f"{name} in the bundle {place} is not the file that was trained: its SHA-256 "
                "differs from model.json. Fetch the bundle again."
            )
    return model


def load(place: Path) -> Bundle:
    """The model, ready to predict on the CPU. Raises BadBundle."""
    model = read_model(place)
    if WEIGHTS not in model["sha256"]:
        raise BadBundle(f"The bundle in {place} lists no {WEIGHTS}.")
    try:
        params, seen = model["params"], seen_by(model)
        plan = Plan(
            backbone=params["backbone"],
            classes=len(model["classes"]),
            dropout=params["dropout"],
            pretrained=params["pretrained"],
            weights=None,
        )
        net = ALGORITHMS[model["algorithm"]].build(plan)
        put_weights(net, place)
    except Exception as wrong:
        raise BadBundle(f"The bundle in {place} cannot be loaded: {wrong}.") from wrong
    net.eval()
    return Bundle(model, net, seen)


def sha256(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()
