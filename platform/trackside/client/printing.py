"""What the command prints: plain lines and tables."""

import sys
from collections.abc import Iterable, Sequence

from trackside.client.client import Json


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
    done, of = job["progress"].get("done"), job["progress"].get("of")
    far = f"{done:g} of {of:g} {job['progress'].get('unit') or ''}s" if done and of else ""
    parts = [f"job {job['id']}", job["state"], far.strip(), job["reason"]]
    return ", ".join(part for part in parts if part)


def metrics(values: Json) -> str:
    shown = [f"{name} {value:.4g}" for name, value in values.items() if value is not None]
    return ", ".join(shown)
