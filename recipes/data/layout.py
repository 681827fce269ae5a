"""Which class and which split a picture belongs to: read off the folders it lies in. Pure."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Literal

Name = Literal["class_folders", "split_class_folders", "flat", "voc"]
Box = dict[str, str | float]  # label, xmin, ymin, xmax, ymax

SPLITS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}
JUNK = {"__macosx", ".ds_store", "thumbs.db", "desktop.ini", ".spotlight-v100", ".trashes"}
PATH, LABEL = 380, 120  # characters kept for display


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where one picture belongs. An empty label or split is none."""

    label: str = ""
    split: str = ""
    boxes: tuple[Box, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """A Pascal VOC file: which picture it speaks of, and its boxes."""

    parts: tuple[str, ...]
    filename: str
    boxes: tuple[Box, ...]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The places in the order of the pictures, and remarks on the whole as (where, what)."""

    name: Name
    places: list[Place]
    remarks: list[tuple[str, str]] = field(default_factory=list)


def parts_of(name: str) -> tuple[str, ...]:
    """Folders and file of an archive's entry, clean enough to show. Never a path to open."""
    steps = name.replace("\\", "/").split("/")
    return tuple(_clean(step) for step in steps if step not in ("", ".", "..") and _clean(step))


def shown(parts: Sequence[str]) -> str:
    """The entry's name for display; the end, which tells files apart, survives."""
    whole = "/".join(parts) or "(no name)"
    return whole if len(whole) <= PATH else "…" + whole[1 - PATH :]


def is_junk(parts: Sequence[str]) -> bool:
    """What operating systems leave in archives: nobody asked for it and nobody misses it."""
    return any(part.casefold() in JUNK for part in parts) or (
        bool(parts) and parts[-1].startswith("._")
    )


def arrange(
    pictures: Sequence[tuple[str, ...]],
    annotations: Sequence[Annotation] = (),
    lists: dict[str, str] | None = None,
) -> Layout:
    """The layout of these pictures. `lists` maps a stem to a split, from VOC's ImageSets."""
    if annotations:
        return _voc(pictures, annotations, lists or {})
    skip = _wrapping(pictures)
    folders = [parts[skip:-1] for parts in pictures]
    inside = [folder for folder in folders if folder]
    if not inside:
        return Layout(name="flat", places=[Place() for _ in pictures])
    if all(folder[0].casefold() in SPLITS for folder in inside):
        return _split(folders)
    return _named("class_folders", [Place(label=_label(folder)) for folder in folders], pictures)


def _clean(step: str) -> str:
    step = unicodedata.normalize("NFC", step.encode("utf-8", "replace").decode())
    kept = [
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(letter)[0] == "C" else letter
        for letter in step
    ]
    return " ".join("".join(kept).split())


def _wrapping(pictures: Sequence[tuple[str, ...]]) -> int:
    """How many outer folders all pictures share, such as the archive's own name."""
    skip = 0
    while True:
        firsts = {parts[skip] if len(parts) > skip + 1 else "" for parts in pictures}
        first = firsts.pop() if len(firsts) == 1 else ""
        if not first or first.casefold() in SPLITS:
            return skip
        skip += 1


def _split(folders: Sequence[tuple[str, ...]]) -> Layout:
    places = [
        Place(split=SPLITS[folder[0].casefold()], label=_label(folder[1:])) if folder else Place()
        for folder in folders
    ]
    if not any(place.label for place in places):
        return Layout(name="flat", places=places)
    return _named("split_class_folders", places, folders)


def _label(folder: Sequence[str]) -> str:
    return folder[0][:LABEL] if folder else ""


def _named(name: Name, places: list[Place], pictures: Sequence[tuple[str, ...]]) -> Layout:
    remarks = []
    bare = sum(1 for place in places if not place.label)
    if bare:
        what = "1 picture lies" if bare == 1 else f"{bare} pictures lie"
        remarks.append(("", f"{what} outside of the class folders and so has no class."))
    spelled: dict[str, set[str]] = {}
    for place in places:
        spelled.setdefault(place.label.casefold(), set()).add(place.label)
    for twins in spelled.values():
        if len(twins) > 1:
            named = " and ".join(sorted(twins))
            remarks.append((named, "These classes differ only in upper and lower case."))
    remarks += _uneven(places)
    return Layout(name=name, places=places, remarks=remarks)


def _uneven(places: Sequence[Place]) -> list[tuple[str, str]]:
    """Classes that training or judging will miss."""
    counts: dict[str, int] = {}
    where: dict[str, set[str]] = {}
    for place in places:
        counts[place.label] = counts.get(place.label, 0) + 1
        where.setdefault(place.label, set()).add(place.split)
    counts.pop("", None)
    remarks = [
        (label, "This class has one picture only: it cannot be split into parts.")
        for label, count in sorted(counts.items())
        if count == 1
    ]
    if any("train" in splits for splits in where.values()):
        remarks += [
            (label, "This class has no picture under train, so no model can learn it from there.")
            for label, splits in sorted(where.items())
            if label and "train" not in splits
        ]
    return remarks


def _voc(
    pictures: Sequence[tuple[str, ...]], annotations: Sequence[Annotation], lists: dict[str, str]
) -> Layout:
    beside = {(one.parts[:-1], _stem(one.parts[-1])): one for one in annotations}
    by_stem: dict[str, list[Annotation]] = {}
    for one in annotations:
        for stem in {_stem(one.parts[-1]), _stem(one.filename)}:
            by_stem.setdefault(stem, []).append(one)
    places, bare = [], 0
    for parts in pictures:
        stem = _stem(parts[-1])
        found = beside.get((parts[:-1], stem)) or _only(by_stem.get(stem, []))
        bare += found is None
        split = lists.get(stem) or _folder_split(parts)
        places.append(Place(split=split, boxes=found.boxes if found else None))
    what = "1 picture has" if bare == 1 else f"{bare} pictures have"
    remarks = [("", f"{what} no Pascal VOC annotation.")] if bare else []
    return Layout(name="voc", places=places, remarks=remarks)


def _only(found: list[Annotation]) -> Annotation | None:
    return found[0] if len(found) == 1 else None


def _folder_split(parts: Sequence[str]) -> str:
    return next((SPLITS[one.casefold()] for one in parts[:-1] if one.casefold() in SPLITS), "")


def _stem(name: str) -> str:
    return PurePosixPath(name.replace("\\", "/")).stem
