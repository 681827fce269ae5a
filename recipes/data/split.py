"""Which pictures train, which choose the best epoch, which only test. Pure: no file is opened."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from recipes.data.listing import BadData, Row

NAMES = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


@dataclass(frozen=True)
class Split:
    """Three disjoint lists of pictures, the classes in order, and what the user should know."""

    train: list[Row]
    val: list[Row]
    test: list[Row]
    classes: list[str]
    notes: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        parts = {"train": self.train, "val": self.val, "test": self.test}
        return {name: len(rows) for name, rows in parts.items() if rows}


def split(rows: Sequence[Row], settings: dict[str, Any]) -> Split:
    """Follow the dataset's own parts or draw them. Raises BadData."""
    labelled = [row for row in rows if row.label]
    notes = []
    if len(labelled) < len(rows):
        notes.append(_several(len(rows) - len(labelled), "has no label and is", "left out"))
    classes = sorted({row.label for row in labelled})
    if len(classes) < 2:
        named = f"only the class {classes[0]!r}" if classes else "no labelled picture"
        raise BadData(f"Classification needs pictures of two classes at least; there is {named}.")
    parts = _parts(labelled, settings, notes)
    _move_unknown(parts, notes)
    for name, what in (("train", "to train with"), ("val", "to validate with")):
        if not parts[name]:
            raise BadData(
                f"No picture is left {what}: {len(labelled)} labelled pictures are too few for "
                "this split. Add pictures or change the shares in Train / Test."
            )
    used = sorted({row.label for row in parts["train"]})
    return Split(parts["train"], parts["val"], parts["test"], used, notes)


def _parts(rows: list[Row], settings: dict[str, Any], notes: list[str]) -> dict[str, list[Row]]:
    share, seed = settings["validation_share"], settings["seed"]
    own: dict[str, list[Row]] = {"train": [], "val": [], "test": []}
    for row in rows:
        own[NAMES.get(row.split.lower(), "train")].append(row)
    if settings["policy"] == "folders" and own["train"] and (own["val"] or own["test"]):
        if not own["val"]:
            drawn = draw(own["train"], [1 - share, share], seed)
            own["train"], own["val"] = drawn[0], drawn[1]
            notes.append(
                f"The dataset has no folder for validation: {len(own['val'])} pictures of train "
                "were drawn for it."
            )
        return own
    if settings["policy"] == "folders":
        notes.append("The dataset has no parts of its own: they were drawn at random.")
    train = min(settings["train_share"], 1 - share)
    drawn = draw(rows, [train, share, max(0.0, 1 - train - share)], seed)
    return {"train": drawn[0], "val": drawn[1], "test": drawn[2]}


def draw(rows: Iterable[Row], shares: Sequence[float], seed: int) -> list[list[Row]]:
    """Parts with these shares of each class, each class with one picture at least in the first.

    The same rows and seed draw the same parts, in whatever order the rows come.
    """
    by_label: dict[str, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row.number):
        by_label[row.label].append(row)
    parts: list[list[Row]] = [[] for _ in shares]
    for label in sorted(by_label):
        group = by_label[label]
        random.Random(f"{seed}:{label}").shuffle(group)
        for part, piece in zip(parts, _cut(group, shares), strict=True):
            part.extend(piece)
    return [sorted(part, key=lambda row: row.number) for part in parts]


def _cut(group: list[Row], shares: Sequence[float]) -> list[list[Row]]:
    """Later parts get their share rounded, at least one picture while two are left for train."""
    counts = [0] * len(shares)
    left = len(group)
    for place in range(1, len(shares)):
        want = round(len(group) * shares[place])
        if shares[place] > 1e-9 and place == 1:
            want = max(1, want)
        counts[place] = max(0, min(want, left - 1))
        left -= counts[place]
    counts[0] = left
    pieces, start = [], 0
    for count in counts:
        pieces.append(group[start : start + count])
        start += count
    return pieces


def _move_unknown(parts: dict[str, list[Row]], notes: list[str]) -> None:
    """A class that train lacks cannot be judged: its pictures are left out, with a note."""
    known = {row.label for row in parts["train"]}
    for name in ("val", "test"):
        strange = Counter(row.label for row in parts[name] if row.label not in known)
        if strange:
            parts[name] = [row for row in parts[name] if row.label in known]
            what = ", ".join(sorted(strange)[:5])
            some = _several(strange.total(), f"of {name} is", "left out")
            notes.append(f"{some}: train has no picture of {what}.")


def _several(count: int, one: str, end: str) -> str:
    if count == 1:
        return f"1 picture {one} {end}"
    many = one.replace(" has ", " have ").replace("has ", "have ").replace("is", "are")
    return f"{count} pictures {many} {end}"
