"""What the command prints: plain lines and tables."""

import sys
from collections.abc import Iterable, Sequence

from trackside.client.client import Json

COUNTED = {  # of which one is at work, and what it is called
    **{one: one for one in ("epoch", "round", "tree", "trial", "model", "point")},
    "step": "explaining, step",  # of the report of a model
}
METRICS = {  # as the pages call them; another one goes by its name
    "accuracy": "Accuracy",
    "f1": "F1 score",
    "precision": "Precision",
    "recall": "Recall",
    "roc_auc": "ROC AUC",
    "average_precision": "Average precision",
    "log_loss": "Log loss",
    "mcc": "Matthews correlation",
    "brier": "Brier score",
    "r2": "R2",
    "rmse": "RMSE",
    "mae": "Mean absolute error",
    "mape": "Mean absolute percentage error",
    "rmsle": "RMSLE",
    "explained_variance": "Explained variance",
    "pearson": "Pearson correlation",
}


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
    before = told.get("before") or 0
    if unit == "trial" and (text := str(told.get("text") or "")).startswith("Trial "):
        return f"trial {text[6:].rstrip('.')}"
    if unit in COUNTED and done < of:
        more = f" more, after {before:,}" if before else ""
        return f"{COUNTED[unit]} {int(done) + 1:,} of {of:,.15g}{more}"
    if before and done == of:
        return f"{of:,} more {unit}{'' if of == 1 else 's'}, {before + of:,} in all"
    return f"{round(done, 2):,.15g} of {round(of, 2):,.15g} {unit}s".strip()


def metrics(values: Json) -> str:
    """`ROC AUC 0.8616, Log loss 0.41`."""
    shown = [(METRICS.get(name, name), value) for name, value in values.items()]
    return ", ".join(f"{name} {value:.4g}" for name, value in shown if value is not None)
