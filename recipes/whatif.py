"""A row that a person made up, checked against what the model saw of each column in training.

Light: the web says what is wrong before a job begins, and the job asks the same function. `seen`
is a bundle's `seen.json` (docs/jobs.md); values are those of JSON, None is missing.
"""

import math
from datetime import date, datetime
from typing import Any

from recipes.params import ParamError

Seen = dict[str, Any]
Row = dict[str, Any]
LONGEST = 20_000  # characters of a text
TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
BIGGEST = 2**63 - 1


def usual(seen: list[Seen]) -> Row:
    """Medians, and the most frequent categories; missing, where most rows have none."""
    return {one["name"]: one["usual"] for one in seen}


def cleaned(seen: list[Seen], given: Row, base: Row | None = None) -> Row:
    """A value for each column: the one given, else that of `base`, else the usual one.

    Raises ParamError with a sentence a column. Texts are read as the column's type.
    """
    known = {one["name"]: one for one in seen}
    errors = {
        str(name)[:200]: f"The model has no column {str(name)[:200]!r}."
        for name in given
        if name not in known
    }
    row: Row = {}
    start = {**usual(seen), **(base or {}), **given}
    for name, one in known.items():
        try:
            row[name] = read(one, start[name])
        except ValueError as wrong:
            errors[name] = str(wrong)
    if errors:
        raise ParamError(errors)
    return row


def read(one: Seen, value: Any) -> Any:
    """The value as the column's type has it in JSON. Raises ValueError with a sentence."""
    if value is None or value == "":
        if not one["may_miss"]:
            raise ValueError(f"{one['name']!r} is missing: without it the model predicts nothing.")
        return None
    reads = {"integer": _integer, "number": _number, "boolean": _truth, "text": _text}
    if one["type"] in reads:
        return reads[one["type"]](one["name"], value)
    return _moment(one["name"], value, one["type"])


def _integer(name: str, value: Any) -> int:
    number = _number(name, value)
    if number != int(number):
        raise ValueError(f"{name!r} takes whole numbers, not {value}.")
    exact = value if isinstance(value, int) else int(str(value)) if _digits(value) else int(number)
    if abs(exact) > BIGGEST:
        raise ValueError(f"{name!r} takes whole numbers up to {BIGGEST:,}.")
    return int(exact)


def _digits(value: Any) -> bool:
    return isinstance(value, str) and value.strip().lstrip("+-").isdecimal()


def _number(name: str, value: Any) -> float:
    try:
        found = float(value) if isinstance(value, int | float | str) else math.nan
    except (ValueError, OverflowError):
        found = math.nan
    if isinstance(value, bool) or not math.isfinite(found):
        raise ValueError(f"{name!r} takes a number, not {str(value)[:60]!r}.")
    return found


def _truth(name: str, value: Any) -> bool:
    found = value if isinstance(value, bool) else TRUTHS.get(str(value).strip().lower())
    if found is None:
        raise ValueError(f"{name!r} takes yes or no, not {str(value)[:60]!r}.")
    return found


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str | int | float):
        raise ValueError(f"{name!r} takes a text.")
    if len(str(value)) > LONGEST:
        raise ValueError(f"{name!r} takes {LONGEST:,} characters at most.")
    return str(value)


def _moment(name: str, value: Any, kind: str) -> str:
    try:
        found = datetime.fromisoformat(str(value).strip())
    except ValueError:
        how = "2024-12-31" if kind == "date" else "2024-12-31 18:30"
        raise ValueError(f"{name!r} takes a {kind} like {how}, not {str(value)[:60]!r}.") from None
    found = found.replace(tzinfo=None)
    return found.date().isoformat() if kind == "date" else found.isoformat(sep=" ")


def moment(value: str, kind: str) -> date | datetime:
    """What `read` made of a date or a time, as Python has it."""
    found = datetime.fromisoformat(value)
    return found.date() if kind == "date" else found
