"""A second dataset, on which alone a training is tested."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from recipes import drift
from recipes.data import table as source
from recipes.data.listing import BadData
from recipes.job import BadJob


@dataclass(frozen=True)
class Second:
    """Where it lies, and what it is called."""

    folder: Path
    name: str
    fingerprint: str

    @property
    def called(self) -> str:
        return f"the test set {self.name}" if self.name else "the test set"


def named(spec: dict[str, Any], split: dict[str, Any]) -> Second | None:
    """What the spec of a training names as `test`. Raises BadJob, BadData."""
    if split["policy"] != "dataset":
        return None
    told = spec.get("test")
    if not told:
        raise BadJob("The split tests on a second dataset, and the job names none as 'test'.")
    name = str(told.get("name") or split["test_dataset"])
    return Second(source.unchanged(told), name, str(told.get("fingerprint") or ""))


def opened(second: Second, learned: dict[str, str], written: set[str]) -> pq.ParquetFile:
    """Its file, which has these columns in types that fit. Raises BadData naming the others."""
    file = source.opened(second.folder)
    sentence = drift.trouble(learned, source.types_of(file), written, table=second.called)
    if sentence:
        raise BadData(sentence)
    return file
