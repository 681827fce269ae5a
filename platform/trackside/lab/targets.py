"""Which task a column of a table can be the target of, and which one is meant. Pure."""

from dataclasses import dataclass
from typing import Any

from recipes.tasks import classes
from recipes.tasks.task import LEAST_ROWS, MOST_CLASSES
from recipes.uploads import NUMBERS

Column = dict[str, Any]  # an entry of columns.json, docs/jobs.md
FEW = 10  # values of a whole number that read as classes
NAMED = {"multiclass": "multiclass classification", "regression": "regression"}


@dataclass(frozen=True)
class Suggestion:
    """`task` is "" where the column cannot be predicted; `why` is the sentence in both cases."""

    task: str
    why: str


def suggest(column: Column, rows: int) -> Suggestion:
    """The task for this target, by its type and its distinct values (None: more than 100,000)."""
    refused = useless(column, rows)
    if refused:
        return Suggestion("", refused)
    distinct, kind = column["distinct"], column["type"]
    if distinct == 2:
        return Suggestion("two_class", "It has two values.")
    if kind == "number":
        return Suggestion("regression", "It is a number.")
    apart = distinct == rows - column["missing"]  # no value comes twice
    if kind == "integer" and (distinct is None or distinct > FEW or apart):
        return Suggestion("regression", f"It is a number with {_count(distinct)} values.")
    too_many = refuse("multiclass", column, rows)
    if too_many:
        return Suggestion("", too_many)
    return Suggestion("multiclass", f"It has {distinct} values.")


def refuse(task: str, column: Column, rows: int) -> str:
    """Why the task cannot have this target, as a sentence; "" when it can."""
    refused = useless(column, rows)
    name, distinct = column["name"], column["distinct"]
    if refused:
        return refused
    if task == "regression":
        if column["type"] in NUMBERS:
            return ""
        return (
            f"{name!r} is {column['type']}: a regression predicts numbers. Choose classification, "
            "or correct the column's type in the dataset."
        )
    meant = suggest(column, rows).task if task == "two_class" and distinct != 2 else ""
    if meant:
        return f"{name!r} has {_count(distinct)} values, not two. Choose {NAMED[meant]}."
    if distinct is None or distinct > MOST_CLASSES:
        other = " Choose regression," if column["type"] in NUMBERS else " Choose another column,"
        return (
            f"{name!r} has {_count(distinct)} values; a classification knows {MOST_CLASSES} "
            f"classes at most.{other} or bring the values together before the upload."
        )
    if distinct == rows - column["missing"]:
        other = "regression" if column["type"] in NUMBERS else "another column"
        return (
            f"{name!r} has {distinct} classes and each has one row: a class needs a row to learn "
            f"from and another to judge by. Choose {other}, or bring the values together before "
            "the upload."
        )
    return ""


def useless(column: Column, rows: int) -> str:
    """Why nothing can be predicted there at all."""
    name, there = column["name"], rows - column["missing"]
    if there <= 0:
        return f"All values of {name!r} are missing: there is nothing to predict."
    if there < LEAST_ROWS:
        return (
            f"Only {there} rows have a value of {name!r}: {LEAST_ROWS} is the least to learn from."
        )
    if column["distinct"] == 1:
        return f"{name!r} has one value in all rows: there is nothing to tell apart."
    return ""


def classes_of(column: Column) -> list[str]:
    """Its two values in their usual order, as a model names them; [] where they are not known."""
    top = column.get("top") or []
    if column["distinct"] != 2 or len(top) != 2:
        return []
    return classes.ordered(class_name(one["value"]) for one in top)


def class_name(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def no_positive(column: Column, positive: str) -> str:
    """Why that cannot be the positive class; "" where it can, or nobody knows yet."""
    known = classes_of(column)
    return classes.no_such(column["name"], positive, known) if known else ""


def _count(distinct: int | None) -> str:
    return "more than 100,000" if distinct is None else f"{distinct:,}"
