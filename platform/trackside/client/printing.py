"""What the command prints: plain lines and tables."""

import sys
from collections.abc import Iterable, Sequence

from trackside.client.client import Json

COUNTED = ("epoch", "round", "trial", "model", "point")  # of which one is at work


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Columns as wide as their widest cell."""
    lines = [tuple(head), *(tuple(str(cell) for cell in row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        say("  ".join(cells).rstrip())


def gib(number: float | None) -> str:
    return "-" if number is None else f"{number / 2**30:.1f} GiB"


def gpu_rows(board: Json) -> list[list[object]]:
    return [
        [
            node["name"],
            gpu["index"],
            gpu["name"],
            f"{gib(gpu['memory_used'])} of {gib(gpu['memory_total'])}",
            f"{gpu['utilization']:.0f} %",
            gpu["state"],
            (gpu["holder"] or {}).get("title", ""),
            gpu["uuid"],
        ]
        for node in board["nodes"]
        for gpu in node["gpus"]
    ]


def progress(job: Json) -> str:
    """One line on how far a job is."""
    over = job["state"] in ("succeeded", "failed", "cancelled")
    far = "" if over else _far(job["progress"])
    parts = [f"job {job['id']}", job["state"], far, job["reason"]]
    return ", ".join(part for part in parts if part)


def _far(told: Json) -> str:
    """`trial 2 of 4; the best so far: ROC AUC 0.862`, `round 12 of 300`, `3 of 20 megabytes`."""
    done, of, unit = told.get("done"), told.get("of"), told.get("unit") or ""
    if not done or not of:
        return ""
    if unit == "trial" and (text := str(told.get("text") or "")).startswith("Trial "):
        return f"trial {text[6:].rstrip('.')}"
    if unit in COUNTED and done < of:
        return f"{unit} {int(done) + 1} of {of:g}"
    return f"{done:g} of {of:g} {unit}s".strip()


def metrics(values: Json) -> str:
    shown = [f"{name} {value:.4g}" for name, value in values.items() if value is not None]
    return ", ".join(shown)
