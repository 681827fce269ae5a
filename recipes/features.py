"""How each column of a table enters a model: defaults from its profile, and the check of changes.

Pure and light: the web shows the very handling that a training will use. A handling is a dict with
the fields of HANDLING; `why` is added where a column is left out by default.
"""

import math
from typing import Any

from recipes.params import Choice, Param, ParamError, Params, Whole
from recipes.uploads import COUNTED

Column = dict[str, Any]  # an entry of columns.json, docs/jobs.md
Handling = dict[str, Any]

MISSING = {  # what may be done with missing values, by type of handling; the first is the default
    "numeric": ("as_is", "impute_median", "impute_mean", "impute_constant", "drop_rows"),
    "boolean": ("as_is", "impute_median", "impute_mean", "impute_constant", "drop_rows"),
    "datetime": ("as_is", "impute_median", "impute_mean", "impute_constant", "drop_rows"),
    "category": ("as_category", "impute_constant", "drop_rows", "as_is"),
    "text": ("as_is", "drop_rows"),
}
ENCODINGS = {
    "category": ("onehot", "ordinal", "target", "frequency", "hash"),
    "text": ("tfidf", "hash"),
}
KINDS = {  # what a column's type may be handled as; the first is the default
    "text": ("category", "text"),
    "integer": ("numeric", "category"),
    "number": ("numeric", "category"),
    "boolean": ("boolean", "category"),
    "date": ("datetime", "category"),
    "datetime": ("datetime", "category"),
}
CATEGORIES, WORDS = 100, 500
LONG_TEXT = 40  # characters of an example from which a text reads as prose

HANDLING = Params(
    (
        Choice(
            name="role",
            label="Role",
            default="input",
            help="What the column does in the model.",
            options=(
                ("input", "Input", "The model learns from it."),
                ("ignore", "Left out", "The model never sees it."),
                ("weight", "Weight", "How much each row counts in training."),
                ("time", "Time", "Orders the rows for a split by time; it is no input."),
            ),
        ),
        Choice(
            name="type",
            label="Handled as",
            default="numeric",
            help="What the values mean to the model, whatever they are stored as.",
            options=(
                ("numeric", "Number", "More or less of something."),
                ("category", "Category", "One of several values without an order."),
                ("text", "Text", "Words that are counted."),
                ("datetime", "Date and time", "Year, month, day, weekday, hour and days passed."),
                ("boolean", "Yes or no", "1 and 0."),
            ),
        ),
        Choice(
            name="missing",
            label="Missing values",
            default="as_is",
            help="What stands in for a value that is not there.",
            options=(
                ("as_is", "Leave them", "The algorithm itself deals with them."),
                ("impute_mean", "Mean", "The mean of the training rows."),
                ("impute_median", "Median", "The median of the training rows."),
                ("impute_constant", "A constant", "Always the same value."),
                ("as_category", "A category of their own", "Missing is a value like others."),
                ("drop_rows", "Drop the row", "Such rows neither train nor get a prediction."),
            ),
        ),
        Param(
            name="constant",
            label="Constant",
            default=None,
            when=("missing", ("impute_constant",)),
            help="What a missing value is replaced with.",
        ),
        Choice(
            name="encoding",
            label="Encoding",
            default="onehot",
            when=("type", ("category", "text")),
            help="How categories and words become numbers.",
            options=(
                ("onehot", "One column a category", "1 in the column of the value, else 0."),
                ("ordinal", "Rank", "Categories are numbered, the most frequent first."),
                ("target", "Target mean", "The mean of the target in the category's other rows."),
                ("frequency", "Frequency", "The share of training rows with the value."),
                ("hash", "Hashing", "A fixed number of columns; nothing is remembered."),
                ("tfidf", "TF-IDF", "Words by how often they occur here and how rarely else."),
            ),
        ),
        Choice(
            name="scaling",
            label="Scaling",
            default="none",
            when=("type", ("numeric", "datetime")),
            help="Brings numbers to one size. Trees need none.",
            options=(
                ("none", "None", "Numbers stay as they are."),
                ("standard", "Standard", "Mean 0 and standard deviation 1."),
                ("minmax", "Min-max", "The training rows lie between 0 and 1."),
            ),
        ),
        Whole(
            name="max_categories",
            label="Most categories",
            default=CATEGORIES,
            minimum=1,
            maximum=10_000,
            when=("type", ("category", "text")),
            help="The most frequent ones that get a column of their own (words, for text; columns, "
            "for hashing); the rest share one.",
        ),
    )
)


def default(
    column: Column, rows: int, *, takes_missing: bool, scales: bool, ranks: bool = False
) -> Handling:
    """What is done with a column that nobody has touched. `rows` are those of the table."""
    kind = KINDS[column["type"]][0]
    why = _useless(column, rows)
    if column["type"] == "text" and not why and _is_prose(column, rows):
        kind, why = "text", "it reads as free text; handle it as text to learn from its words"
    made = _of_kind(kind, takes_missing=takes_missing, scales=scales, ranks=ranks)
    return {**made, "role": "ignore", "why": why} if why else made


def _of_kind(kind: str, *, takes_missing: bool, scales: bool, ranks: bool) -> Handling:
    """A new handling as that type."""
    missing = MISSING[kind][0]
    if missing == "as_is" and kind != "text" and not takes_missing:
        missing = "impute_median"
    ranked = ranks and kind == "category"
    return {
        **HANDLING.defaults(),
        "type": kind,
        "missing": missing,
        "encoding": "ordinal" if ranked else ENCODINGS.get(kind, ("onehot",))[0],
        "scaling": "standard" if scales and kind in ("numeric", "datetime") else "none",
        "max_categories": WORDS if kind == "text" else CATEGORIES,
    }


def resolve(
    columns: list[Column],
    given: dict[str, Handling],
    *,
    rows: int,
    takes_missing: bool,
    scales: bool,
    ranks: bool = False,
) -> tuple[dict[str, Handling], list[str]]:
    """The handling of every column, complete, and notes on what was decided here.

    `columns` is without the target. The last three are an algorithm's. Raises ParamError: a
    sentence a column.
    """
    suits = {"takes_missing": takes_missing, "scales": scales, "ranks": ranks}
    known = {one["name"] for one in columns}
    errors = {
        f"features.{name}": f"The table has no input column called {name!r}."
        for name in given
        if name not in known
    }
    made: dict[str, Handling] = {}
    for one in columns:
        name = one["name"]
        try:
            made[name] = _one(one, given.get(name) or {}, rows, suits)
        except ValueError as wrong:
            errors[f"features.{name}"] = f"Column {name!r}: {wrong}"
    if errors:
        raise ParamError(errors)
    return made, _left_out(made)


def _one(column: Column, given: Handling, rows: int, suits: dict[str, bool]) -> Handling:
    own = {name: value for name, value in given.items() if name != "why"}
    start = default(column, rows, **suits)
    if own.get("role") == "input":
        start.pop("why", None)
    if own.get("type", start["type"]) != start["type"]:
        if own["type"] not in KINDS[column["type"]]:
            may = " or ".join(KINDS[column["type"]])
            raise ValueError(
                f"a {column['type']} column can be handled as {may}, not as {own['type']}. "
                "Correct the column's type in the dataset first."
            )
        start = _of_kind(own["type"], **suits)
    why = start.pop("why", None)
    try:
        made = HANDLING.clean({**start, **own})
    except ParamError as wrong:
        raise ValueError(str(wrong)) from None
    _check(made, suits["takes_missing"])
    left = why and made["role"] == "ignore" and "role" not in own
    return {**made, "why": why} if left else made


def _check(made: Handling, takes_missing: bool) -> None:
    kind = made["type"]
    if made["role"] != "input":
        return
    if made["missing"] not in MISSING[kind]:
        may = ", ".join(MISSING[kind])
        raise ValueError(f"missing values as {kind} can be {may}, not {made['missing']}.")
    if kind in ENCODINGS and made["encoding"] not in ENCODINGS[kind]:
        may = ", ".join(ENCODINGS[kind])
        raise ValueError(f"the encoding as {kind} can be {may}, not {made['encoding']}.")
    if made["missing"] == "as_is" and kind not in ("category", "text") and not takes_missing:
        made["missing"] = "impute_median"
    if made["missing"] == "impute_constant":
        made["constant"] = _constant(made["constant"], kind)


def _constant(value: Any, kind: str) -> Any:
    if value is None:
        raise ValueError("missing values are to be a constant, and none is given.")
    if kind == "category":
        return str(value)
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if not math.isfinite(found):
        raise ValueError(f"the constant must be a number, not {value!r}.")
    return found


def _useless(column: Column, rows: int) -> str:
    """Why nothing can be learned from the column; "" when something can."""
    if column["missing"] >= rows:
        return "all values are missing"
    distinct = column["distinct"]
    if distinct == 1 and not column["missing"]:
        return "it has one value only"
    there = rows - column["missing"]
    if column["type"] == "text" and _many(distinct, there):
        if _is_prose(column, rows):
            return ""
        known = distinct is not None or there <= 2 * COUNTED
        return (
            "nearly every row has a text of its own" if known else f"it has over {COUNTED:,} texts"
        )
    low, high = column.get("min"), column.get("max")
    if column["type"] != "integer" or distinct not in (None, there) or there < 20:
        return ""
    filled = None not in (low, high) and int(str(high)) - int(str(low)) + 1 == there
    return "it numbers the rows, like an id" if filled else ""


def _many(distinct: int | None, there: int) -> bool:
    """Too many to be categories. None: more than COUNTED."""
    return distinct is None or distinct > max(CATEGORIES, there // 2)


def _is_prose(column: Column, rows: int) -> bool:
    """Long texts that hardly repeat."""
    examples = [str(one) for one in column.get("examples") or []]
    long = bool(examples) and sum(map(len, examples)) / len(examples) >= LONG_TEXT
    return long and _many(column["distinct"], rows - column["missing"])


def _left_out(made: dict[str, Handling]) -> list[str]:
    left = [(name, one["why"]) for name, one in made.items() if one.get("why")]
    notes = [f"The column {name!r} is left out: {why}." for name, why in left[:10]]
    if len(left) > 10:
        notes.append(f"{len(left) - 10} more columns are left out for reasons of the same kind.")
    return notes
