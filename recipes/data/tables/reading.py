"""How a table is to be read: what its owner said about it, and the blocks that readers make of it.

A reader streams: it holds one block at a time, whatever the size of the file.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from recipes.data.tables.problems import Problems
from recipes.job import BadJob
from recipes.uploads import EVERYWHERE, MISSING, TYPES

BLOCK = 4 << 20  # bytes of text in a block

Lines = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The job spec's `read`. What is empty or None is found out from the file."""

    delimiter: str = ""
    encoding: str = ""
    header: bool | None = None
    sheet: str = ""
    missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def tokens(self, column: str) -> tuple[str, ...]:
        """The texts that mean "missing" in this column."""
        return self.missing.get(column, self.missing.get(EVERYWHERE, MISSING))


def reading(told: Mapping[str, Any]) -> Reading:
    """Raises BadJob with a sentence about what is wrong with `read`."""
    known = {"delimiter", "encoding", "header", "sheet", "missing"}
    for name in told:
        if name not in known:
            raise BadJob(f"'read' knows no {name!r}. It knows {', '.join(sorted(known))}.")
    delimiter = told.get("delimiter") or ""
    if delimiter and (not isinstance(delimiter, str) or len(delimiter) > 1 or delimiter in '"\r\n'):
        raise BadJob(f"The delimiter must be one character, not {delimiter!r}.")
    if delimiter and not delimiter.isascii():
        raise BadJob(f"The delimiter must be a character of ASCII, not {delimiter!r}.")
    encoding = told.get("encoding") or ""
    try:
        "".encode(encoding or "utf-8")
    except (LookupError, UnicodeError):
        raise BadJob(f"There is no encoding {encoding!r}. Try utf-8 or latin-1.") from None
    if told.get("header") not in (None, True, False):
        raise BadJob(f"'header' must be true or false, not {told['header']!r}.")
    return Reading(
        delimiter=delimiter,
        encoding=encoding,
        header=told.get("header"),
        sheet=told.get("sheet") or "",
        missing=_missing(told.get("missing") or {}),
    )


def _missing(told: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(told, dict) or not all(isinstance(texts, list) for texts in told.values()):
        raise BadJob('\'missing\' must be lists of texts by column, as in {"*": ["", "NA"]}.')
    return {name: tuple(map(str, texts)) for name, texts in told.items()}


def check_types(types: Mapping[str, str]) -> None:
    """Raises BadJob where a column is given a type that there is not."""
    for column, type_ in types.items():
        if type_ not in TYPES:
            raise BadJob(f"Column {column!r} cannot be {type_!r}. Types are {', '.join(TYPES)}.")


@dataclass(kw_only=True)
class Block:
    """Some rows. `columns` stand in the order of the source's names; those that are not there yet
    are missing in all rows of the block."""

    columns: list[pa.Array]
    lines: Lines  # where each row stands in the file, from 1
    done: int  # bytes of the file that are read
    spaced: bool = False  # values may begin or end with spaces
    may: list[frozenset[str] | None] | None = None  # the types that values of a column may have
    notes: list[str] | None = None  # what should be known of a column, "" for nothing


class Source(Protocol):
    """A file of a known format. `names` may grow while blocks are read."""

    format: str
    unit: str  # what `Block.lines` counts: line or row
    names: list[str]
    told: dict[str, Any]  # facts: encoding, delimiter, header ...

    def blocks(self, problems: Problems) -> Iterator[Block]:
        """All rows, from the first. Can be called again. Raises BadInput."""
        ...
