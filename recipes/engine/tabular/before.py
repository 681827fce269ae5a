"""The model that a training goes on from."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recipes import bundle, going_on
from recipes.engine.tabular.model import ENCODER
from recipes.features import Column
from recipes.job import BadJob


@dataclass(frozen=True)
class Before:
    """Its bundle, what model.json says, and the encoder that is kept."""

    bundle: Path
    about: dict[str, Any]
    encoder: list[dict[str, Any]]
    version: int | None

    @property
    def name(self) -> str:
        return f"version {self.version}" if self.version else "the model that was there"


def opened(spec: dict[str, Any], columns: list[Column]) -> Before | None:
    """What the spec, complete but for it, goes on from. Raises BadBundle, BadJob."""
    wanted = spec.get("goes_on_from")
    if not wanted:
        return None
    place = Path(wanted["bundle"])
    about = bundle.read_model(place)
    if sentence := going_on.trouble(about, spec, {one["name"]: one["type"] for one in columns}):
        raise BadJob(sentence)
    state = json.loads((place / ENCODER).read_text())
    return Before(place, about, state, wanted.get("version"))


def notes(before: Before, *, fingerprint: str, split: dict[str, Any]) -> list[str]:
    """What the reader of the new figures should know."""
    told = [f"The training goes on from {before.name}, and keeps its encoder."]
    same = (before.about.get("fingerprint"), before.about.get("split")) == (fingerprint, split)
    if same and before.about.get("refit"):
        told.append(
            f"The final model of {before.name} has learned from the validation rows too: the "
            "figures on them may be too good, and early stopping comes late. A dataset that it has "
            "not seen judges it fairly."
        )
    if not same:
        told.append(
            f"The data or the split are others than those of {before.name}: rows that judge now "
            "may have taught it then, and the figures may be too good. A dataset that it has not "
            "seen judges it fairly."
        )
    return told
