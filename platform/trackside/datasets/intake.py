"""Between the intake's files (docs/jobs.md, "A dataset of images") and the rows of the database."""

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

from recipes.job import write_whole
from trackside.datasets.models import Dataset, Picture, Problem

Line = dict[str, Any]
EDGES = (0, 32, 64, 128, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 8192)  # pixels


def read(home: Path) -> list[Line]:
    """The lines of index.jsonl."""
    return _lines(home / "index.jsonl")


def problems(home: Path) -> list[Line]:
    """The lines of problems.jsonl."""
    return _lines(home / "problems.jsonl")


def _lines(path: Path) -> list[Line]:
    if not path.exists():
        return []
    with path.open() as source:
        return [json.loads(line) for line in source if line.strip()]


def facts_file(home: Path) -> dict[str, Any]:
    path = home / "facts.json"
    return dict(json.loads(path.read_text())) if path.exists() else {}


def picture(dataset: Dataset, line: Line) -> Picture:
    return Picture(
        dataset=dataset,
        number=line["number"],
        path=str(line["path"])[:400],
        file=str(line["file"])[:80],
        label=str(line.get("label") or "")[:200],
        split=str(line.get("split") or "")[:10],
        width=line["width"],
        height=line["height"],
        bytes=line["bytes"],
    )


def problem(dataset: Dataset, one: Line) -> Problem:
    number = one.get("number")
    return Problem(
        dataset=dataset,
        where=str(one["where"])[:400],
        what=str(one["what"])[:400],
        number=number,
        can_keep=number is not None,
    )


def fill(dataset: Dataset, facts: dict[str, Any], lines: list[Line]) -> None:
    """Counts, sizes and fingerprint of what is in use, into the dataset's own columns and facts."""
    used = [line for line in lines if line.get("use", True)]
    labels = Counter(line.get("label") or "" for line in used)
    splits = Counter(line.get("split") or "" for line in used)
    labels.pop("", None)
    splits.pop("", None)
    facts["classes"] = [{"name": name, "count": labels[name]} for name in sorted(labels)]
    facts["splits"] = dict(sorted(splits.items()))
    facts["images"] = len(used)
    boxes = Counter(box["label"] for line in used for box in line.get("boxes") or [])
    facts["boxes"] = boxes.total()
    facts["box_classes"] = [{"name": name, "count": boxes[name]} for name in sorted(boxes)]
    facts["histogram"] = histogram([max(line["width"], line["height"]) for line in used])
    facts["by_split"] = _by_split(used)
    facts["fingerprint"] = fingerprint(lines)
    dataset.rows, dataset.fingerprint, dataset.facts = len(used), facts["fingerprint"], facts


def _by_split(used: list[Line]) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = {}
    for line in used:
        counts.setdefault(line.get("label") or "", Counter())[line.get("split") or ""] += 1
    return {label: dict(found) for label, found in sorted(counts.items())}


def histogram(sides: list[int]) -> list[dict[str, int]]:
    """How many pictures have their longer side in which range."""
    counts = Counter(max(edge for edge in EDGES if edge <= side) for side in sides)
    if not counts:
        return []
    shown = [edge for edge in EDGES if min(counts) <= edge <= max(counts)]
    above = dict(zip(EDGES, (*EDGES[1:], 0), strict=True))
    return [{"from": edge, "to": above[edge], "count": counts[edge]} for edge in shown]


def fingerprint(lines: list[Line]) -> str:
    """SHA-256 over path, sha256, label, split and use of every line."""
    digest = hashlib.sha256()
    for line in lines:
        told = [line["path"], line["sha256"], line.get("label"), line.get("split")]
        digest.update(json.dumps([*told, line.get("use", True)]).encode() + b"\n")
    return digest.hexdigest()


def rewrite(home: Path, lines: list[Line], facts: dict[str, Any]) -> None:
    """Whole or not at all; a job that reads the old index meanwhile keeps its own view."""
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    write_whole(home / "index.jsonl", text)
    write_whole(home / "facts.json", json.dumps(facts, ensure_ascii=False, indent=1))
