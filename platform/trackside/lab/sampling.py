"""The rows that the models of a table learn from, as the page Train / Test set shows them."""

from typing import Any

from recipes.tasks import table_split
from trackside.lab.models import Analysis

WHY = {
    **dict.fromkeys(table_split.BY_CLASS, "A regression has no classes."),
    "latest": "No column has the role Time: Features handling gives it.",
}


def chosen(analysis: Analysis) -> dict[str, Any] | None:
    """`{"rows","of","how"}` where they are some of the table's."""
    split, of = analysis.design["split"], analysis.dataset.rows
    rows = table_split.used(split, of)
    how = table_split.HOW.get(split.get("sampling", ""), "")
    return {"rows": rows, "of": of, "how": how} if rows < of else None


def barred(analysis: Analysis) -> dict[str, dict[str, str]]:
    """The ways to choose them that the design does not allow, each with the reason."""
    timed = any(one.get("role") == "time" for one in analysis.design["features"].values())
    unfit = {
        way: why
        for way, why in WHY.items()
        if table_split.trouble({"sampling": way}, analysis.task, timed=timed)
    }
    return {"sampling": unfit}
