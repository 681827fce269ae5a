"""Turns an uploaded table into a dataset's folder. docs/jobs.md has its shape.

Untrusted bytes are parsed in `convert`, inside the sandbox's child; here its answers are read.
"""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from recipes.data.sandbox import Crashed, Limits, Line, Refused, Tell, lines
from recipes.data.tables.convert import convert
from recipes.data.tables.formats import Found, found_in
from recipes.data.tables.reading import Reading, check_types, reading
from recipes.events import Journal

Facts = dict[str, Any]  # JSON
LIMITS = Limits(file=1 << 40, silence=120.0)
OFTEN = 0.25  # seconds between two progress events


def look(path: Path, name: str, read: Reading, limits: Limits = LIMITS) -> Found:
    """What the file is. Raises Refused where it is nothing that can be imported."""

    def work(tell: Tell) -> None:
        found = found_in(path, name, read)
        tell({"format": found.format, "packed": found.packed})

    for line in _heard(work, limits):
        return Found(line["format"], line["packed"])
    raise Refused("The file cannot be read.")


def take_in(  # noqa: PLR0913 - what an import is made of
    path: Path,
    name: str,
    output: Path,
    journal: Journal,
    spec: Mapping[str, Any],
    limits: Limits = LIMITS,
    before: Sequence[Line] = (),
) -> Facts:
    """Write the dataset into `output`, return its facts. Of the job's spec `read`, `types` and
    `source` are looked at; `before` are problems that are known already. Raises BadJob, and
    Refused where there is no table."""
    read, types = spec.get("read") or {}, spec.get("types") or {}
    how = reading(read)
    check_types(types)
    found = look(path, name, how, limits)
    output.mkdir(parents=True, exist_ok=True)
    journal.write("phase", name="read", text=f"Reading {name}.")
    heard = _Heard(journal, path.stat().st_size)
    heard.problems.extend(before)
    for line in _heard(lambda tell: convert(path, found, how, types, output, tell), limits):
        heard.hear(line)
    if spec.get("source"):  # what the file was made of
        heard.facts |= {"format": "sql", "source": spec["source"]}
    return _write(output, heard, path, read)


def fingerprint(original: str, read: Mapping[str, Any], columns: list[Line]) -> str:
    """SHA-256 over the original's, how it was read, and name and type of every column."""
    told = [original, dict(read), [[one["name"], one["type"]] for one in columns]]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


class _Heard:
    """What the child has told so far."""

    def __init__(self, journal: Journal, size: int) -> None:
        self.columns: list[Line] = []
        self.problems: list[Line] = []
        self.facts: Facts = {}
        self._journal = journal
        self._size = size
        self._begun = self._said = time.monotonic()
        self._done = 0
        self._reporting = False

    def hear(self, line: Line) -> None:
        if "column" in line:
            self.columns.append(line["column"])
        elif "problem" in line:
            self.problems.append(line["problem"])
        elif "facts" in line:
            self.facts = line["facts"]
        elif "done" in line:
            self._progress(min(int(line["done"]), self._size))
        elif "group" in line and not self._reporting:
            self._reporting = True
            self._progress(self._size)
            self._journal.write("phase", name="report", text="Describing the columns.")

    def _progress(self, done: int) -> None:
        now = time.monotonic()
        if done < self._done:  # the second pass
            self._begun = now
        rest = self._size - done
        self._done = done
        if now - self._said > OFTEN or not rest:
            self._said = now
            eta = round((now - self._begun) * rest / done, 1) if done else None
            mb = 1e6
            self._journal.write(
                "progress", done=round(done / mb, 1), of=round(self._size / mb, 1), unit="megabyte",
                eta=eta,
            )  # fmt: skip


def _heard(work: Any, limits: Limits) -> Any:
    try:
        yield from lines(work, limits)
    except Crashed as crash:
        raise Refused(f"The file cannot be read: {crash}") from crash


def _write(output: Path, heard: _Heard, path: Path, read: Mapping[str, Any]) -> Facts:
    with path.open("rb") as file:
        original = hashlib.file_digest(file, "sha256").hexdigest()
    facts = {
        "layout": "table",
        **heard.facts,
        "columns": len(heard.columns),
        "problems": len(heard.problems),
        "bytes": path.stat().st_size,
        "fingerprint": fingerprint(original, read, heard.columns),
    }
    (output / "columns.json").write_text(json.dumps(heard.columns, ensure_ascii=False, indent=1))
    with (output / "problems.jsonl").open("w") as out:
        for problem in heard.problems:
            out.write(json.dumps(problem, ensure_ascii=False, separators=(",", ":")) + "\n")
    (output / "facts.json").write_text(json.dumps(facts, indent=1))
    return facts
