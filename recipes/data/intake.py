"""Turns an uploaded archive into a dataset's folder. docs/jobs.md has its shape.

Untrusted bytes are parsed in `unpack`, inside the sandbox's child; here only its answers are read.
"""

import hashlib
import json
import statistics
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recipes.data.layout import Annotation, Layout, arrange, shown
from recipes.data.sandbox import Limits, Line, Refused, Tell, each
from recipes.data.unpack import Decoder, Shelf, decode, unpack
from recipes.events import Journal

Facts = dict[str, Any]  # JSON
LIMITS = Limits()
OFTEN = 0.25  # seconds between two progress events


@dataclass
class Found:
    """What the child has told so far."""

    members: int = 0
    done: int = 0
    at: tuple[str, ...] = ()
    pictures: list[Line] = field(default_factory=list)
    problems: list[Line] = field(default_factory=list)
    annotations: list[Annotation] = field(default_factory=list)
    lists: dict[str, str] = field(default_factory=dict)  # stem: split
    lost: int = 0  # files that were left out for good
    folders: set[tuple[str, ...]] = field(default_factory=set)

    def problem(self, where: str, what: str, number: int | None = None) -> None:
        self.problems.append({"where": where[:400], "what": what[:400], "number": number})


def take_in(
    archive: Path,
    name: str,
    output: Path,
    journal: Journal,
    *,
    decoder: Decoder = decode,
    limits: Limits = LIMITS,
) -> Facts:
    """Write the dataset into `output`, return its facts. Raises Refused if nothing is usable."""

    def work(start: int, tell: Tell) -> None:
        unpack(archive, Shelf(output, len(found.pictures)), decoder, start, tell)

    output.mkdir(parents=True, exist_ok=True)
    journal.write("phase", name="read", text=f"Reading {name} and decoding every picture.")
    found = Found()
    begun = said = time.monotonic()
    for line in each(work, limits):
        _hear(found, line)
        if time.monotonic() - said > OFTEN:
            said = time.monotonic()
            _progress(journal, found, said - begun)
    if not found.pictures:
        raise Refused(_nothing(name, found))
    _progress(journal, found, 0)
    journal.write("phase", name="report", text="Sorting the pictures by their folders.")
    return _write(output, found)


def fingerprint(lines: Iterable[Line]) -> str:
    """SHA-256 over path, sha256, label, split and use of every line of the index."""
    digest = hashlib.sha256()
    for line in lines:
        told = [line["path"], line["sha256"], line["label"], line["split"], line["use"]]
        digest.update(json.dumps(told).encode() + b"\n")
    return digest.hexdigest()


def _hear(found: Found, line: Line) -> None:
    if "members" in line:
        found.members = int(line["members"])
    elif "at" in line:
        found.done, found.at = int(line["at"]), tuple(line.get("parts", ()))
    elif "crashed" in line:
        found.lost += 1
        found.problem(shown(found.at), str(line["why"]))
    elif "picture" in line:
        found.pictures.append(line["picture"])
    elif "problem" in line:
        parts = tuple(line["problem"]["parts"])
        found.folders.add(parts[:-1])
        found.lost += 1
        found.problem(shown(parts), line["problem"]["what"])
    else:
        _hear_rest(found, line)


def _hear_rest(found: Found, line: Line) -> None:
    if "annotation" in line:
        told = line["annotation"]
        found.annotations.append(
            Annotation(
                parts=tuple(told["parts"]), filename=told["filename"], boxes=tuple(told["boxes"])
            )
        )
    elif "list" in line:
        found.lists.update(line["list"])
    elif "folder" in line:
        found.folders.add(tuple(line["folder"]))


def _progress(journal: Journal, found: Found, seconds: float) -> None:
    done, of = min(found.done, found.members), found.members
    eta = round(seconds * (of - done) / done, 1) if done and seconds else None
    journal.write("progress", done=done, of=of, unit="image", eta=eta)


def _nothing(name: str, found: Found) -> str:
    if not found.problems:
        return f"{name} holds no files. Put pictures into it: one folder for each class, or none."
    first = found.problems[0]
    count = len(found.problems)
    said = "1 file was" if count == 1 else f"{count} files were"
    return (
        f"{name} holds no picture that can be used: {said} looked at. "
        f"The first is {first['where']}: {first['what']}"
    )


def _write(output: Path, found: Found) -> Facts:
    layout = arrange(
        [tuple(one["parts"]) for one in found.pictures], found.annotations, found.lists
    )
    lines = [_line(one, layout, place) for place, one in enumerate(found.pictures)]
    for one, line in zip(found.pictures, lines, strict=True):
        if one["doubt"]:
            found.problem(line["path"], one["doubt"], line["number"])
    _twins(found, lines)
    _bare_folders(found, layout)
    for where, what in layout.remarks:
        found.problem(where, what)
    _write_lines(output / "index.jsonl", lines)
    _write_lines(output / "problems.jsonl", found.problems)
    facts = _facts(layout, lines, found)
    (output / "facts.json").write_text(json.dumps(facts, indent=1))
    return facts


def _line(told: Line, layout: Layout, place: int) -> Line:
    where = layout.places[place]
    line = {
        "number": told["number"],
        "path": shown(told["parts"]),
        "file": told["file"],
        "split": where.split,
        "label": where.label,
        "width": told["width"],
        "height": told["height"],
        "bytes": told["bytes"],
        "sha256": told["sha256"],
        "use": not told["doubt"],
    }
    return line if where.boxes is None else {**line, "boxes": list(where.boxes)}


def _twins(found: Found, lines: list[Line]) -> None:
    """Pictures and names that come twice. Both stay: which one is right is not ours to say."""
    by_content: dict[str, Line] = {}
    names: set[str] = set()
    for line in lines:
        if line["path"] in names:
            found.problem(line["path"], "The archive has this name twice. Both are kept.")
        names.add(line["path"])
        first = by_content.setdefault(line["sha256"], line)
        if first is not line:
            found.problem(line["path"], _twin(first, line))


def _twin(first: Line, second: Line) -> str:
    same = f"It is the same picture as {first['path'][-200:]}"
    if first["label"] != second["label"]:
        return f"{same}, which has another class. Both are kept."
    if first["split"] != second["split"]:
        return f"{same}, in another part of the split. Both are kept."
    return f"{same}. Both are kept."


def _bare_folders(found: Found, layout: Layout) -> None:
    if layout.name not in ("class_folders", "split_class_folders"):
        return
    filled = {
        tuple(one["parts"][:depth]) for one in found.pictures for depth in range(len(one["parts"]))
    }
    for folder in sorted(found.folders - filled):
        if folder:
            found.problem(shown(folder), "No usable picture lies in this folder.")


def _write_lines(path: Path, lines: list[Line]) -> None:
    with path.open("w") as out:
        for line in lines:
            out.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")


def _facts(layout: Layout, lines: list[Line], found: Found) -> Facts:
    used = [line for line in lines if line["use"]] or lines
    boxes = Counter(str(box["label"]) for line in used for box in line.get("boxes", ()))
    return {
        "layout": layout.name,
        "classes": _counts(Counter(line["label"] for line in used if line["label"])),
        "box_classes": _counts(boxes),
        "splits": dict(Counter(line["split"] for line in used if line["split"])),
        "images": sum(1 for line in lines if line["use"]),
        "left_out": sum(1 for line in lines if not line["use"]) + found.lost,
        "problems": len(found.problems),
        "bytes": sum(line["bytes"] for line in lines),
        "width": _spread([line["width"] for line in used]),
        "height": _spread([line["height"] for line in used]),
        "fingerprint": fingerprint(lines),
    }


def _counts(counter: Counter[str]) -> list[Facts]:
    return [{"name": name, "count": count} for name, count in sorted(counter.items())]


def _spread(values: list[int]) -> dict[str, int]:
    return {
        "min": min(values),
        "median": int(statistics.median(values)),
        "max": max(values),
    }
