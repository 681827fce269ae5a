"""The pictures of a dataset, as its index names them. docs/jobs.md describes the folder."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class BadData(Exception):
    """The data cannot be used for this job; the message is a sentence that says why."""

    code = "bad_data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One picture. `path` is what the archive called it: a label that is never opened."""

    number: int
    path: str
    file: Path
    split: str = ""
    label: str = ""
    width: int = 0
    height: int = 0


def read(folder: Path) -> list[Row]:
    """The pictures in use, in order. Raises BadData."""
    index = folder / "index.jsonl"
    try:
        lines = [json.loads(line) for line in index.read_text().splitlines()]
    except FileNotFoundError:
        raise BadData(f"{folder} is no dataset: it has no index.jsonl.") from None
    except ValueError as torn:
        raise BadData(f"{index} is damaged: {torn}.") from None
    rows = [_row(folder, line) for line in lines if line.get("use", True)]
    if not rows:
        raise BadData(f"The dataset in {folder} has no picture in use.")
    return rows


def _row(folder: Path, line: dict[str, Any]) -> Row:
    return Row(
        number=line["number"],
        path=line["path"],
        file=folder / line["file"],
        split=line.get("split") or "",
        label=line.get("label") or "",
        width=line.get("width") or 0,
        height=line.get("height") or 0,
    )
