"""An archive taken in, and what came of it."""

import json
from pathlib import Path
from typing import Any

from recipes.data.intake import take_in
from recipes.events import Journal


class Result:
    """The dataset's folder, read."""

    def __init__(self, folder: Path, facts: dict[str, Any]) -> None:
        self.folder = folder
        self.facts = facts
        self.lines = _lines(folder / "index.jsonl")
        self.problems = _lines(folder / "problems.jsonl")

    def why(self, where: str) -> str:
        return " ".join(one["what"] for one in self.problems if one["where"] == where)


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def imported(archive: Path, **how: Any) -> Result:
    home = archive.parent / f"{archive.name}.job"
    home.mkdir()
    journal = Journal(home)
    try:
        facts = take_in(archive, archive.name, home / "output", journal, **how)
    finally:
        journal.close()
    return Result(home / "output", facts)
