"""What somebody should know about a column before a model learns from it, a sentence each."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recipes.data.tables.profile import Described

FROM = 20  # rows; in fewer, unique values are no wonder
MIXED = 0.2  # share of numbers from which a text column is called mixed


def warnings(column: "Described") -> list[str]:
    there = column.rows - column.missing
    if not there:
        return ["All values are missing."] if column.rows else []
    found = []
    if column.missing * 2 > column.rows:
        share = 100 * column.missing / column.rows
        found.append(f"{share:.0f}% of the values are missing.")
    if column.values.distinct == 1 < there:
        found.append("It is constant: all values are the same.")
    once = (there >= FROM and column.values.distinct == there) or column.values.once
    if once and column.type in ("text", "integer"):
        found.append("Each value is there once, like an id: nothing can be learned from it.")
    if column.figures and column.figures.infinite:
        found.append(f"Some values are infinite ({column.figures.infinite:,}).")
    return [*found, *(_of_text(column, there) if column.type == "text" else [])]


def _of_text(column: "Described", there: int) -> list[str]:
    looks, found = column.values.looks, []
    if not column.column.given:
        if looks["zero-led"] and looks["number"] == there:
            found.append("Its numbers begin with zeros, as codes do, so that they are text.")
        elif there > looks["number"] >= MIXED * there:
            share = 100 * looks["number"] / there
            found.append(
                f"Its types are mixed: {share:.4g}% of the values are numbers, others are not, "
                f"such as {column.values.no_number[:60]!r}. "
                + ("Name those as missing to have numbers." if share >= 50 else "All are text.")
            )
    if looks["spaced"]:
        found.append(f"Values begin or end with spaces ({looks['spaced']:,}).")
    if looks["lost"]:
        found.append(
            f"Characters could not be read in some values ({looks['lost']:,}) and are \ufffd here: "
            "they were not written as UTF-8, or were lost before this file was."
        )
    return found
