"""What a person may say about a table's file: how it is read, and what its columns are."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from recipes.uploads import COLUMNS, TABLES
from trackside.datasets.trouble import BadDataset

KINDS = {"auto": "Found out from the file", "table": "A table", "images": "Images"}
TYPES = {  # those of recipes.uploads
    "text": "Text",
    "integer": "Whole number",
    "number": "Number",
    "boolean": "Yes or no",
    "date": "Date",
    "datetime": "Date and time",
}
ARCHIVE_ENDINGS = ("zip", "tar", "tgz", "gz", "bz2", "xz")
TABLES_ACCEPTED = ",".join(f".{one}" for one in (*TABLES, "gz"))
ACCEPTED = ",".join(f".{one}" for one in (*TABLES, *ARCHIVE_ENDINGS))
TABLE_NAME = re.compile(rf"\.({'|'.join(TABLES)})(\.gz)?$", re.IGNORECASE)
ENCODING_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,39}")
TEXT_MOST, LIST_MOST = 200, 200

Read = dict[str, Any]  # the job spec's `read`, see docs/jobs.md
Types = dict[str, str]  # column: one of TYPES


@dataclass(frozen=True)
class Wish:
    """What the uploader says about the file; all that is left open is found out from its bytes."""

    kind: str = "auto"  # one of KINDS
    read: Mapping[str, Any] = field(default_factory=dict)
    types: Mapping[str, Any] = field(default_factory=dict)


def check(wish: Wish) -> dict[str, Any]:
    """The part of an import's job spec. Raises BadDataset."""
    if wish.kind not in KINDS:
        raise BadDataset("kind", f"'kind' must be one of {', '.join(KINDS)}, not {wish.kind!r}.")
    read, types = check_read(wish.read), check_types(wish.types)
    return {"kind": wish.kind, "read": read, "types": types}


def likely_kind(kind: str, file_name: str) -> str:
    """What to show until the import has looked at the bytes."""
    if kind != "auto":
        return kind
    return "table" if TABLE_NAME.search(file_name) else "images"


def check_read(given: Mapping[str, Any]) -> Read:
    """Without what was left open. Raises BadDataset with the field `read.<name>`."""
    if unknown := sorted(set(given) - set(CHECKS)):
        known = ", ".join(CHECKS)
        raise BadDataset("read", f"'read' has no {unknown[0]!r}. It knows {known}.")
    read = {name: value for name, value in given.items() if value not in (None, "", {})}
    for name, value in read.items():
        if wrong := CHECKS[name](value):
            raise BadDataset(f"read.{name}", wrong)
    return read


def _delimiter(value: object) -> str:
    if isinstance(value, str) and len(value) == 1 and value.isascii() and value not in '\n\r"\0':
        return ""
    return f"'delimiter' must be one character of ASCII, such as , or ;, not {value!r}."


def _encoding(value: object) -> str:
    if isinstance(value, str) and ENCODING_NAME.fullmatch(value) and _known(value):
        return ""
    return f"'encoding' must be the name of one, such as utf-8 or latin-1, not {value!r}."


def _known(encoding: str) -> bool:
    try:
        "".encode(encoding)
    except (LookupError, UnicodeError):
        return False
    return True


def _header(value: object) -> str:
    return "" if isinstance(value, bool) else f"'header' must be true or false, not {value!r}."


def _sheet(value: object) -> str:
    fits = isinstance(value, str) and len(value) <= TEXT_MOST
    return "" if fits else f"'sheet' must be a sheet's name, not {value!r}."


def _missing(value: object) -> str:
    """`{"*": [...], column: [...]}`."""
    wants = '\'missing\' must name texts for all columns (*) or for one, as {"*": ["", "NA"]}.'
    if not isinstance(value, dict) or len(value) > COLUMNS:
        return wants
    lists = list(value.values())
    if not all(isinstance(one, list) and len(one) <= LIST_MOST for one in lists):
        return wants
    texts = [text for one in lists for text in one]
    fits = all(isinstance(text, str) and len(text) <= TEXT_MOST for text in texts)
    return "" if fits else wants


CHECKS = {
    "delimiter": _delimiter,
    "encoding": _encoding,
    "header": _header,
    "sheet": _sheet,
    "missing": _missing,
}


def check_types(given: Mapping[str, Any]) -> Types:
    """Raises BadDataset with the field `types.<column>`."""
    if len(given) > COLUMNS:
        raise BadDataset("types", f"'types' may name {COLUMNS:,} columns at most.")
    for column, kind in given.items():
        if not isinstance(kind, str) or kind not in TYPES:
            known = ", ".join(TYPES)
            raise BadDataset(
                f"types.{column}"[:120],
                f"The type of column {column[:80]!r} must be one of {known}, not {kind!r}.",
            )
    return dict(given)
