"""Numbers as people read them."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

NOTHING = "\u2013"  # a dash where there is no number
COUNTED = {  # of which one is at work, and what it is called
    **{one: one for one in ("epoch", "round", "tree", "trial", "model", "point")},
    "step": "explaining, step",  # of the report of a model
}
UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def size(number: float | None) -> str:
    """4096 -> 4.0 KiB."""
    if number is None:
        return NOTHING
    value = float(number)
    for unit in UNITS:
        if abs(value) < 1024 or unit == UNITS[-1]:
            break
        value /= 1024
    return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}"


def duration(seconds: float | None) -> str:
    """7500 -> 2 h 05; small times keep a digit."""
    if seconds is None:
        return NOTHING
    if seconds < 10:
        return f"{max(0.0, seconds):.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60:02d}"
    return f"{round(minutes / 1440)} days"


def ago(seconds: float) -> str:
    """How long since, in words."""
    if seconds < 45:
        return "just now"
    return f"{duration(max(60, seconds))} ago"


def amount(told: Mapping[str, Any]) -> str:
    """How far a job is: `Trial 2 of 4`, `3.5 of 20 megabytes`; of what goes on from a model
    `Round 3 of 30 more, after 100` and `30 more trees, 130 in all`."""
    done, of, unit = told.get("done") or 0, told.get("of"), told.get("unit") or ""
    before = told.get("before") or 0
    if not of:
        return ""
    if unit in COUNTED and done < of:
        name = COUNTED[unit]
        more = f" more, after {before:,}" if before else ""
        return f"{name[:1].upper()}{name[1:]} {int(done) + 1:,} of {_count(of)}{more}"
    if before and done == of:
        return f"{of:,} more {unit}{'' if of == 1 else 's'}, {before + of:,} in all"
    return f"{_count(done)} of {_count(of)} {unit}{'' if of == 1 else 's'}"


def _count(number: float) -> str:
    """12,000,000 or 3.5."""
    return f"{round(number, 1):,.15g}"


def share(told: Mapping[str, Any]) -> float:
    """The same in percent: of the whole, where `done` and `of` count a part of it."""
    of, whole = told.get("of"), told.get("share")
    if not of:
        return 0.0
    part = float((told.get("done") or 0) / of if whole is None else whole)
    return max(0.0, min(100.0, 100 * part))


def thousands(number: float | None) -> str:
    """86400 -> 86,400."""
    return NOTHING if number is None else f"{number:,.0f}"


def number(value: float | None, step: float | None = None) -> str:
    """12,500 or 0.25, with as many digits as the step between two of them asks for."""
    if value is None:
        return NOTHING
    size = max(abs(value), abs(step or value))
    if size and not 1e-4 <= size < 1e7:
        return f"{value:.3g}"
    if step is None:
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    digits += round(step * 10**digits, 6) % 1 > 0
    text = f"{value:,.{digits}f}"
    return text.removeprefix("-") if not float(text.replace(",", "")) else text


def figure(value: object, percent: bool = False, unit: bool = False) -> str:
    """What a metric came to: 0.948 as 94.8 % or 0.948, and a large error without decimals.

    `unit`: it is in one of its own, so that a small one is 0.000204 and not 0.000.
    """
    if not isinstance(value, int | float) or isinstance(value, bool):
        return NOTHING
    if percent:
        return f"{100 * value:.1f} %"
    if unit:
        return number(value, step(value))
    return number(value, 0.001) if abs(value) < 1000 else number(value)


def step(value: float) -> float:
    """What the last digit of a figure with a unit is worth: three digits of a small one."""
    size = abs(value)
    if size >= 1000:
        return 1.0
    return 10.0 ** (math.floor(math.log10(size)) - 2) if 0 < size < 0.1 else 0.001


def whole(number: float | None) -> str:
    return NOTHING if number is None else f"{number:.0f}"


def percent(share: float | None, digits: int = 1) -> str:
    """0.948 -> 94.8 %."""
    return NOTHING if share is None else f"{100 * share:.{int(digits)}f} %"


def basename(path: str) -> str:
    """The file's own name: what tells pictures of one folder apart."""
    return str(path).rpartition("/")[2]


def turn(place: int, waiting: int) -> str:
    """Where a job stands among all that wait; js/job-words.js says the same."""
    others = f"{waiting:,} in the queue"
    return f"Next of {others}" if place == 1 else f"Number {place:,} of {others}"


def plural(number: int, noun: str) -> str:
    """`{{ n|plural:"image" }}` -> 1 image, 2 images; "class,classes" names the plural."""
    one, _, many = noun.partition(",")
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def listed(parts: Sequence[object]) -> str:
    """1, 2 and 3"""
    *first, last = map(str, parts)
    return f"{', '.join(first)} and {last}" if first else last
