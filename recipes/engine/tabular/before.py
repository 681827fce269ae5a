"""The model of a table that a training goes on from."""

import json
from dataclasses import dataclass
from typing import Any

from recipes import going_on
from recipes.data.encode import Encoder
from recipes.engine import before
from recipes.engine.tabular.model import ENCODER, survived
from recipes.features import Column
from recipes.job import BadJob


@dataclass(frozen=True)
class Before(before.Before):
    """With the encoder that is kept."""

    encoder: list[dict[str, Any]]


def opened(spec: dict[str, Any], columns: list[Column]) -> Before | None:
    """What the spec, complete but for it, goes on from. Raises BadBundle, BadJob."""
    found = before.named(spec)
    if found is None:
        return None
    types = {one["name"]: one["type"] for one in columns}
    if sentence := going_on.trouble(found.about, spec, types):
        raise BadJob(sentence)
    state = json.loads((found.bundle / ENCODER).read_text())
    survived(found.bundle, found.about, Encoder.of(state))  # the fits read it unasked
    return Before(found.bundle, found.about, found.version, state)


def notes(kept: Before, *, fingerprint: str, split: dict[str, Any], time: str) -> list[str]:
    """What the reader of the new figures should know."""
    how = "its encoder"
    return before.notes(kept, keeps=how, fingerprint=fingerprint, split=split, time=time)
