"""What a model's document is made of: HTML and PDF know these blocks, figures and a matrix."""

from typing import Any

Json = dict[str, Any]


def text(said: str) -> Json:
    return {"kind": "text", "text": said}


def pairs(rows: list[Any]) -> Json:
    return {"kind": "pairs", "rows": [[str(name), str(value)] for name, value in rows]}


def table(head: list[str], rows: list[list[str]], caption: str = "", right: int = 0) -> Json:
    """`right`: from this column on there are numbers; 0: nowhere."""
    return {"kind": "table", "head": head, "rows": rows, "caption": caption, "right": right}


def points(lines: list[str]) -> Json:
    return {"kind": "list", "lines": lines}
