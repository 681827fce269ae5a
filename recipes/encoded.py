"""How much memory a table takes while it is learned: light, so that the web foresees it."""

from typing import Any

COPIES = 3  # of the matrix that stand in memory at once: its blocks, the whole, the learner's own
HELD = 2  # of the table: as it is read, and the rows that take part


def of_row(widths: list[int], *, double: bool = False) -> int:
    """Bytes of an encoded row, of which a `double` learner makes a copy in double precision."""
    return (4 * COPIES + (8 if double else 0)) * sum(widths) + 2 * 8 * max(widths, default=0)


def width(handling: dict[str, Any], distinct: int | None, classes: int) -> int:
    """How many numbers a value becomes, at most."""
    most, kind, encoding = handling["max_categories"], handling["type"], handling["encoding"]
    if kind == "datetime":
        return 6
    if kind == "text" or (kind == "category" and encoding == "hash"):
        return int(most)
    if kind == "category" and encoding == "onehot":
        return min(int(most), distinct or int(most)) + 2  # missing, and the rest
    if kind == "category" and encoding == "target":
        return classes if classes > 2 else 1
    return 1


def marks(handling: dict[str, Any]) -> bool:
    """Whether a value becomes a 1 among zeros, or few numbers among them."""
    if handling["type"] == "text":
        return True
    return handling["type"] == "category" and handling["encoding"] in ("onehot", "hash")


def columns(handled: list[dict[str, Any]], widths: list[int]) -> tuple[int, int]:
    """How many columns may have many values, and how many have few: how often a word stands in a
    text is a number."""
    pairs = zip(handled, widths, strict=True)
    few = sum(wide for one, wide in pairs if marks(one) and one["type"] != "text")
    return sum(widths) - few, few


def of_value(column: dict[str, Any]) -> int:
    """Bytes that a value takes before it is encoded, in all that is held of it at once."""
    examples = [len(str(one)) for one in column.get("examples") or []]
    text = sum(examples) // len(examples) if examples and column["type"] == "text" else 0
    return HELD * (8 + text)
