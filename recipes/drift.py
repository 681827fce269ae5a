"""Whether a table has what a model learned from. Light: the web asks before a scoring starts."""

from collections.abc import Collection, Mapping
from typing import Any

Types = Mapping[str, str | None]  # by column; None: all its values are missing, of whatever type

FITS = {  # what a column may be now, by what it was in training
    "text": ("text", "integer"),
    "integer": ("integer", "number", "boolean"),
    "number": ("number", "integer"),
    "boolean": ("boolean",),
    "date": ("date", "datetime"),
    "datetime": ("datetime", "date"),
}
WRITTEN = {  # the same for a column whose values are compared as they are written
    "text": ("text", "integer"),
    "integer": ("integer", "number"),
    "number": ("number", "integer"),
}
NAMED = 10  # columns in a sentence


def of_model(about: Mapping[str, Any], here: Types) -> str:
    """The sentence for why the model of this model.json cannot read such a table, or nothing."""
    learned = {one["name"]: one["type"] for one in about.get("columns") or []}
    return trouble(learned, here, written(about.get("features") or {}))


def written(features: Mapping[str, Any]) -> set[str]:
    """The columns whose values a model knows as text: categories, and words."""
    return {name for name, one in features.items() if one.get("type") in ("category", "text")}


def trouble(
    learned: Mapping[str, str],
    here: Types,
    as_text: Collection[str] = (),
    *,
    table: str = "the table",
) -> str:
    """The sentence for what is missing or of another type, or nothing.

    `learned` are the types that were learned from; of the columns in `as_text` the values are
    compared as they are written: true is not 1 there, and a day not a time. `table` is what the
    sentence calls it.
    """
    gone = [name for name in learned if name not in here]
    if gone:
        some = _first(list(map(repr, gone)), ", ")
        lacks = f"lacks {len(gone)} of the {len(learned)} columns that the model learns from"
        return f"{table[0].upper()}{table[1:]} {lacks}: {some}."
    other = [
        f"{name!r} was {kind} and is {here[name]}"
        for name, kind in learned.items()
        if here[name] not in (None, *(WRITTEN if name in as_text else FITS).get(kind, (kind,)))
    ]
    if other:
        some = f"other types than in training: {_first(other, '; ')}. Correct them in the dataset."
        return f"Columns of {table} have {some}"
    return ""


def _first(all_: list[str], mark: str) -> str:
    more = f" and {len(all_) - NAMED} more" if len(all_) > NAMED else ""
    return mark.join(all_[:NAMED]) + more
