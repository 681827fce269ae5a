"""What a person may say about a table's file: how it is read, and what its columns are."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trackside.datasets.trouble import BadDataset

KINDS = {"auto": "Found out from the file", "table": "A table", "images": "Images"}
TYPES = {
    "text": "Text",
    "integer": "Whole number",
    "number": "Number",
    "boolean": "Yes or no",
    "date": "Date",
    "datetime": "Date and time",
}
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar |", " ": "space"}
ENCODINGS = {
    "utf-8": "UTF-8",
    "latin-1": "Latin-1 (ISO 8859-1)",
    "cp1252": "Windows-1252",
    "utf-16": "UTF-16",
}
TABLE_ENDINGS = ("csv", "tsv", "txt", "json", "jsonl", "ndjson", "parquet", "xlsx", "xls", "ods")
ARCHIVE_ENDINGS = ("zip", "tar", "tgz", "gz", "bz2", "xz")
ACCEPTED = ",".join(f".{one}" for one in (*TABLE_ENDINGS, *ARCHIVE_ENDINGS))
TABLE_NAME = re.compile(rf"\.({'|'.join(TABLE_ENDINGS)})(\.gz)?$", re.IGNORECASE)
ENCODING_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,39}")
TEXT_MOST, LIST_MOST, COLUMNS_MOST = 200, 200, 20_000

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
    if not isinstance(value, dict) or len(value) > COLUMNS_MOST:
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
    if len(given) > COLUMNS_MOST:
        raise BadDataset("types", f"'types' may name {COLUMNS_MOST:,} columns at most.")
    for column, kind in given.items():
        if not isinstance(kind, str) or kind not in TYPES:
            known = ", ".join(TYPES)
            raise BadDataset(
                f"types.{column}"[:120],
                f"The type of column {column[:80]!r} must be one of {known}, not {kind!r}.",
            )
    return dict(given)


def from_form(form: Mapping[str, str]) -> Read:
    """The fields of `datasets/_reading.html`. Raises BadDataset."""
    told: Read = {name: form.get(name, "") for name in ("delimiter", "encoding")}
    told["sheet"] = form.get("sheet", "").strip()
    if form.get("header") in ("yes", "no"):
        told["header"] = form["header"] == "yes"
    if missing := form.get("missing", "").strip():
        words = [one.strip() for one in missing.split(",")]
        told["missing"] = {"*": list(dict.fromkeys(["", *words]))}
    return check_read(told)


def choices(form: Mapping[str, str]) -> dict[str, Any]:
    """What `datasets/_reading.html` offers, and what it shows of `form`."""
    chosen = {name: form.get(name, "") for name in CHECKS}
    return {"delimiters": DELIMITERS, "encodings": ENCODINGS, "chosen": chosen}


def as_form(read: Mapping[str, Any]) -> dict[str, str]:
    """The other way: what the fields show for these options."""
    texts = (read.get("missing") or {}).get("*") or []
    return {
        "delimiter": read.get("delimiter", ""),
        "encoding": read.get("encoding", ""),
        "sheet": read.get("sheet", ""),
        "header": {True: "yes", False: "no"}.get(read.get("header"), ""),  # type: ignore[arg-type]
        "missing": ", ".join(one for one in texts if one),
    }
