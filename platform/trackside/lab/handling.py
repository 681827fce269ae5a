"""Features handling: what the design says about each column of a table. Pure.

The design keeps only what differs from the default; recipes/features.py knows the defaults. The
defaults of scaling and of missing numbers depend on the algorithm, so that the page calls them
automatic and shows the rest as it will be.
"""

from collections.abc import Mapping
from typing import Any

from recipes import extras, features
from recipes.algorithms import ALGORITHMS
from recipes.features import HANDLING, Column, Handling
from recipes.params import Choice, ParamError
from recipes.uploads import NUMBERS
from trackside.lab.trouble import BadDesign

Features = dict[str, Handling]
FIELDS = tuple(one.name for one in HANDLING.fields)
OPTIONS = {
    one.name: {value: label for value, label, _ in one.options}
    for one in HANDLING.fields
    if isinstance(one, Choice)
}
AUTOMATIC = "automatic"
SHORT = {"as_category": "Own category", "onehot": "One-hot", "drop_rows": "Drop rows"}
SCALED = ("numeric", "datetime")


def inputs(columns: list[Column], target: str) -> list[Column]:
    return [one for one in columns if one["name"] != target]


def clean(columns: list[Column], given: Any, rows: int) -> Features:
    """What differs from the defaults, column by column. Raises BadDesign with the sentences."""
    if not isinstance(given, dict):
        raise BadDesign({"features": "'features' maps a column's name to how it is handled."})
    wrong = [name for name, one in given.items() if one is not None and not isinstance(one, dict)]
    if wrong:
        said = f"The handling of {wrong[0]!r} must be an object such as {{'role': 'ignore'}}."
        raise BadDesign({f"features.{wrong[0]}": said})
    asked = {name: one for name, one in given.items() if one}
    made = resolved(columns, asked, rows)
    known = {one["name"]: one for one in columns}
    kept = {name: differing(known[name], made[name], asked[name], rows) for name in asked}
    _alone(made, "time")
    _alone(made, "weight")
    unfit = weight_trouble(columns, made)
    if unfit:
        raise BadDesign({f"features.{name}": said for name, said in unfit.items()})
    return {name: one for name, one in kept.items() if one}


def weight_trouble(columns: list[Column], made: Features) -> dict[str, str]:
    """By column why it cannot be the weight that it is said to be, as far as its profile tells."""
    told = {}
    for one in columns:
        name, least = one["name"], one.get("min")
        if made[name]["role"] != "weight":
            continue
        if one["type"] not in NUMBERS:
            told[name] = f"{name!r} is {one['type']}: a weight is a number, 0 or more."
        elif one["missing"]:
            told[name] = f"The weight {name!r} is missing in {one['missing']:,} rows."
        elif isinstance(least, int | float) and least < 0:
            told[name] = f"The weight {name!r} is {least:g} somewhere: a weight is 0 or more."
    return told


def fitting(columns: list[Column], given: Features, rows: int) -> tuple[Features, list[str]]:
    """What of the given handlings still fits the table, and the columns whose does not."""
    known = {one["name"]: one for one in columns}
    kept, lost = {}, []
    for name, one in given.items():
        try:
            resolved([known[name]], {name: one}, rows)
        except (BadDesign, KeyError):  # another type, or another table
            lost.append(name)
        else:
            kept[name] = one
    return kept, lost


def resolved(columns: list[Column], given: Features, rows: int) -> Features:
    """The handling of every column, for an algorithm that needs neither scaling nor imputing.

    Raises BadDesign.
    """
    try:
        made, _ = features.resolve(columns, given, rows=rows, takes_missing=True, scales=False)
    except ParamError as wrong:
        raise BadDesign(wrong.errors) from None
    return made


def differing(column: Column, made: Handling, asked: Handling, rows: int) -> Handling:
    """Of what was asked, the fields that the default would not have."""
    start = features.default(column, rows, takes_missing=True, scales=False)
    if made["type"] != start["type"]:
        other = {"type": made["type"], "role": "input"}
        found, _ = features.resolve(
            [column], {column["name"]: other}, rows=rows, takes_missing=True, scales=False
        )
        start = {**found[column["name"]], "type": start["type"]}  # of another type: an input
    return {
        name: made[name]
        for name in FIELDS
        if name in asked and (made[name] != start[name] or name == "scaling")
    }


def _alone(made: Features, role: str) -> None:
    found = [name for name, one in made.items() if one["role"] == role]
    if len(found) > 1:
        said = f"{found[0]!r} and {found[1]!r} have the role {role}; one column may have it."
        raise BadDesign({f"features.{found[1]}": said})


def row(place: int, column: Column, made: Handling, own: Handling, rows: int) -> dict[str, Any]:
    """One line of the page: the column, its handling, and the choices that there are."""
    kind, role = made["type"], made["role"]
    used = role == "input"
    return {
        "place": place,
        "column": column,
        "made": made,
        "changed": bool(own),
        "missing_share": 100 * column["missing"] / rows if rows else 0,
        "roles": OPTIONS["role"].items(),
        "types": _options("type", features.KINDS[column["type"]]) if used else [],
        "missing": _missing(kind) if used else [],
        "constant": used and made["missing"] == "impute_constant",
        "encodings": _options("encoding", features.ENCODINGS.get(kind, ())) if used else [],
        "scalings": [(AUTOMATIC, "Automatic"), *OPTIONS["scaling"].items()]
        if used and kind in SCALED
        else [],
        "scaling": own.get("scaling", AUTOMATIC),
    }


def _options(name: str, values: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(value, SHORT.get(value, OPTIONS[name][value])) for value in values]


def _missing(kind: str) -> list[tuple[str, str]]:
    """For numbers the algorithm decides unless somebody else does."""
    options = dict(_options("missing", features.MISSING[kind]))
    if kind not in ("category", "text"):
        options["as_is"] = "Automatic"
    return list(options.items())


def sent(
    columns: list[Column], now: Features, data: Mapping[str, Any], rows: int
) -> dict[str, Handling]:
    """The features as the page sent them; columns that it did not show stay as they are.

    Where the type changes, the fields of the former type are dropped.
    """
    now, _ = fitting(columns, now, rows)
    made = resolved(columns, now, rows)
    changed = dict(now)
    for place, column in enumerate(columns):
        if f"c{place}-role" not in data:
            continue
        name = column["name"]
        given = {one: data[f"c{place}-{one}"] for one in FIELDS if f"c{place}-{one}" in data}
        if given.get("scaling") == AUTOMATIC:
            del given["scaling"]
        if given.get("type", made[name]["type"]) != made[name]["type"]:
            given = {one: given[one] for one in ("role", "type")}
        if given.get("missing") == "impute_constant" and not given.get("constant"):
            given["constant"] = "0" if made[name]["type"] != "category" else "missing"
        changed[name] = given
    return changed


def lacking(models: list[dict[str, Any]], reported: dict[str, str]) -> dict[str, str]:
    """By algorithm the sentence for a library that no machine has; {} before one has reported."""
    if not reported:
        return {}
    found = {}
    for one in models:
        card = ALGORITHMS[one["algorithm"]]
        asked = card.asked(one.get("params", {}))
        if card.library and card.library not in reported:
            found[card.name] = extras.nowhere(card.library)
        elif asked and asked not in reported:
            found[card.name] = f"{extras.nowhere(asked)} Or switch it off in the settings."
    return found


def barred(algorithm: str, reported: dict[str, str]) -> dict[str, dict[str, str]]:
    """The param's value that needs a library which no machine has, with the sentence for it."""
    param, value, library = ALGORITHMS[algorithm].asks or ("", None, "")
    if not library or not reported or library in reported:
        return {}
    return {param: {str(value): extras.nowhere(library)}}
