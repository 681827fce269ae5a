"""The what-if form of a model: a field for each of its columns, filled from a row. Pure."""

from collections.abc import Mapping
from typing import Any

from recipes.whatif import Row, Seen
from trackside.lab.drawing import number

Json = dict[str, Any]
LISTED = 30  # categories that a list shows; of more a person types with suggestions
FIRST, MOST = 24, 200  # fields that are open; those that are there, the rest folded away
INPUTS = {"date": "date", "datetime": "datetime-local"}


def posted(seen: list[Seen], given: Mapping[str, str]) -> Row:
    """The row that the form holds; fields are named by the place of their column."""
    return {
        one["name"]: given[f"c{place}"].strip() or None
        for place, one in enumerate(seen)
        if f"c{place}" in given
    }


def held(seen: list[Seen], names: list[str]) -> list[str]:
    """The columns whose box to hold them is ticked."""
    ticked = set(names)
    return [one["name"] for place, one in enumerate(seen) if f"c{place}" in ticked]


def fields(
    seen: list[Seen], row: Row, errors: Mapping[str, str], fixed: list[str], order: list[str]
) -> list[Json]:
    """The most important columns first."""
    ranks = {name: place for place, name in enumerate(order)}
    made = [
        {
            **_field(one, row.get(one["name"])),
            "id": f"c{place}",
            "name": one["name"],
            "error": errors.get(one["name"], ""),
            "held": one["name"] in fixed,
            "turns": bool(one["steps"] or one["known"]),
        }
        for place, one in enumerate(seen)
    ]
    return sorted(made, key=lambda one: (not one["error"], ranks.get(one["name"], len(ranks))))


def strange(seen: list[Seen], row: Row) -> list[str]:
    """What the row holds beyond all that the model learned from: no answer to it is founded."""
    said = []
    for one in seen:
        value, steps = row.get(one["name"]), one["steps"]
        if value is None:
            continue
        if steps and not steps[0] <= value <= steps[-1]:
            ends = [number(v) if isinstance(v, int | float) else v for v in (steps[0], steps[-1])]
            said.append(f"{one['name']} {_text(value)} ({ends[0]} to {ends[1]} in training)")
        elif one["known"] and one["whole"] and value not in one["known"]:
            said.append(f"{one['name']} {_text(value)[:60]!r} (not seen in training)")
    return said


def _field(one: Seen, value: Any) -> Json:
    text = _text(value)
    listed = one["known"] and one["whole"] and len(one["known"]) <= LISTED
    if one["type"] == "boolean" or listed:
        return {"as": "list", "options": _options(one, text)}
    if one["known"]:
        return {"as": "typed", "value": text, "known": list(map(_text, one["known"])),
                "help": "Others than the suggested ones count as unknown."}  # fmt: skip
    if one["type"] in INPUTS:
        ends = f"{one['steps'][0]} to {one['steps'][-1]}" if one["steps"] else ""
        return {"as": INPUTS[one["type"]], "value": text.replace(" ", "T"), "help": ends}
    if one["type"] == "text":
        return {"as": "words", "value": text, "help": ""}
    return {"as": "number", "value": text, "help": _range(one)}


def _options(one: Seen, now: str) -> list[Json]:
    known = [_text(each) for each in one["known"]]
    if one["type"] == "boolean":
        known = ["true", "false"]
    made = [{"value": each, "text": _said(each, one["type"])} for each in known]
    if one["may_miss"] or not now:
        made.insert(0, {"value": "", "text": "missing"})
    if now and now not in known:
        made.append({"value": now, "text": f"{now} (not seen in training)"})
    return [{**each, "chosen": each["value"] == now} for each in made]


def _said(text: str, kind: str) -> str:
    return {"true": "yes", "false": "no"}[text] if kind == "boolean" else text


def _range(one: Seen) -> str:
    if not one["steps"]:
        return "No value in training."
    low, high = one["steps"][0], one["steps"][-1]
    empty = " Empty is missing." if one["may_miss"] else ""
    return f"{number(low)} to {number(high)} in training.{empty}"


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return str(value)
