"""How a table's file is read, as `datasets/_reading.html` shows it and sends it back."""

import csv
import io
import re
from collections.abc import Iterable, Mapping
from typing import Any

from recipes.uploads import COLUMNS, EVERYWHERE, MISSING
from trackside.datasets.reading import Read, check_read
from trackside.datasets.trouble import BadDataset

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar |", " ": "space"}
ENCODINGS = {
    "utf-8": "UTF-8",
    "latin-1": "Latin-1 (ISO 8859-1)",
    "cp1252": "Windows-1252",
    "utf-16": "UTF-16",
}
USUAL = [one for one in MISSING if one]
MOST = 64 << 10  # characters of a field beyond those that it showed
QUOTED = re.compile(r'"((?:[^"]++|"")++)"\s*+:')  # possessive: a long line takes no long time
TOO_LONG = (
    "The texts that count as missing are too long: write at most 64 kB, and at most "
    f"{COLUMNS:,} lines."
)
PLAIN = re.compile(r'[^\s:"](?:[^:"]*[^\s:"])?')


def as_form(read: Mapping[str, Any]) -> dict[str, str]:
    """What the fields show for these options: `from_form` of it with them as `before` is them."""
    missing = read.get("missing") or {}
    texts = missing.get(EVERYWHERE)
    single = [_line(name, one) for name, one in missing.items() if name != EVERYWHERE]
    return {
        "delimiter": read.get("delimiter", ""),
        "encoding": read.get("encoding", ""),
        "sheet": read.get("sheet", ""),
        "header": {True: "yes", False: "no"}.get(read.get("header"), ""),  # type: ignore[arg-type]
        "missing": "usual" if texts is None else "empty" if texts == [""] else "these",
        "texts": _joined(texts or USUAL),
        "single": "\n".join(single),
    }


def from_form(form: Mapping[str, str], before: Mapping[str, Any] | None = None) -> Read:
    """The options that were chosen. Raises BadDataset.

    `before` are those that the form showed. What nobody touched stays as it was there, also where
    a field cannot say it.
    """
    before = before or {}
    shown = as_form(before)
    sent = {name: form.get(name, value) for name, value in shown.items()}
    told: Read = {
        name: before.get(name) if _same(sent[name], shown[name]) else sent[name].strip(" \r\n")
        for name in ("encoding", "sheet")
    }
    for name, values in (("delimiter", {}), ("header", {"yes": True, "no": False, "": None})):
        same = sent[name] == shown[name]
        told[name] = before.get(name) if same else values.get(sent[name], sent[name])
    kept = {
        name: texts for name, texts in (before.get("missing") or {}).items() if name != EVERYWHERE
    }
    for name in ("texts", "single"):
        if len(sent[name]) > MOST + len(shown[name]) or sent[name].count("\n") > COLUMNS:
            raise BadDataset("read.missing", TOO_LONG)
    single = kept if _same(sent["single"], shown["single"]) else _single(sent["single"], kept)
    told["missing"] = {**_everywhere(sent, shown, before), **single}
    return check_read(told)


def choices(form: Mapping[str, str]) -> dict[str, Any]:
    """What the template offers, and what it shows of `form`."""
    chosen = {**as_form({}), **{name: form[name] for name in as_form({}) if name in form}}
    return {
        "delimiters": _with(DELIMITERS, chosen["delimiter"]),
        "encodings": _with(ENCODINGS, chosen["encoding"]),
        "usual": ", ".join(USUAL),
        "chosen": chosen,
    }


def gaps(facts: Mapping[str, Any]) -> str:
    """What counted as missing when the file was read, in words."""
    missing = (facts.get("read") or {}).get("missing") or {}
    nulls = facts.get("format") in ("parquet", "sql")
    texts = missing.get(EVERYWHERE, [] if nulls else MISSING)
    told = [one for one in texts if one]
    cells = "empty cells" if "" in texts else "nulls" if nulls else ""
    said = " and ".join(one for one in (cells, ", ".join(told)) if one) or "none"
    single = [name for name in missing if name != EVERYWHERE]
    some = f"{', '.join(single[:5])}{' …' if len(single) > 5 else ''}"
    return f"{said}; others in {some}" if single else said


def _with(known: dict[str, str], chosen: str) -> dict[str, str]:
    """Also what only REST can say is shown, so that it is sent again."""
    return known if not chosen or chosen in known else {**known, chosen: repr(chosen).strip("'")}


def _everywhere(
    sent: Mapping[str, str], shown: Mapping[str, str], before: Mapping[str, Any]
) -> dict[str, list[str]]:
    kept = (before.get("missing") or {}).get(EVERYWHERE)
    mode = sent["missing"]
    if mode == shown["missing"] and (mode != "these" or _same(sent["texts"], shown["texts"])):
        return {} if kept is None else {EVERYWHERE: kept}
    if mode == "these":
        return {EVERYWHERE: _texts(sent["texts"])}
    return {EVERYWHERE: [""]} if mode == "empty" else {}


def _single(text: str, kept: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """A line a column; lines that nobody touched say what they did. Raises BadDataset."""
    lines = {_line(name, texts): (name, texts) for name, texts in kept.items()}
    found: dict[str, list[str]] = {}
    for number, line in enumerate(text.replace("\r", "").split("\n"), 1):
        if not line.strip():
            continue
        same = lines.get(line.strip())
        name, texts = _parted(line.strip())
        if same:
            found[same[0]] = same[1]
        elif name:
            found[name] = _texts(texts)
        else:
            raise BadDataset(
                "read.missing",
                f"Line {number} of 'Other texts in single columns' names no column: write the "
                "column's name, a colon, and texts with commas between them, as in age: -1, 999.",
            )
    return found


def _parted(line: str) -> tuple[str, str]:
    """The column's name and the rest of the line; no name where it has none."""
    if quoted := QUOTED.match(line):
        return quoted[1].replace('""', '"'), line[quoted.end() :]
    name, colon, texts = line.partition(":")
    return ("" if not colon or '"' in name else name.rstrip()), texts


def _line(name: str, texts: Iterable[str]) -> str:
    told = name if PLAIN.fullmatch(name) else '"' + name.replace('"', '""') + '"'
    return " ".join(f"{told}: {_joined(texts)}".split("\n")).replace("\r", " ").strip()


def _joined(texts: Iterable[str]) -> str:
    """With commas between them; quoted where a text has one."""
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow([one for one in texts if one])
    return out.getvalue().replace(",", ", ") if '"' not in out.getvalue() else out.getvalue()


def _texts(line: str) -> list[str]:
    """The texts of a list with commas. An empty cell always is missing."""
    rows = list(csv.reader([" ".join(line.split("\n"))], skipinitialspace=True))
    words = [one.strip() for one in (rows[0] if rows else [])]
    return list(dict.fromkeys(["", *words]))


def _same(sent: str, shown: str) -> bool:
    """Browsers send other ends of line."""
    return "".join(sent.split()) == "".join(shown.split())
