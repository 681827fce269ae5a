"""The log of a job: what its journal tells, as lines for a person.

All kinds of jobs have it from here: they write events and print nothing.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from recipes.algorithms import ALGORITHMS
from recipes.job import Job
from recipes.scorers import SCORERS
from recipes.tasks import TASKS, Metric

OFTEN = 5.0  # seconds between two lines on epochs: a library has a thousand rounds a second
Json = dict[str, Any]


class Aloud:
    """Prints the events of one job, with the time (UTC)."""

    def __init__(self, job: Job) -> None:
        self._metric, self._unit = str(job.spec.get("metric")), _unit(job.spec)
        self._reads = str((job.spec.get("dataset") or {}).get("name") or "")
        self._began = self._rows = time.monotonic()  # and the first row was taken
        self._epoch = -OFTEN
        self._lines: dict[str, Callable[[Json], Iterator[str]]] = {
            "started": self._started,
            "phase": self._phase,
            "note": _text,
            "epoch": self._epochs,
            "trial": self._trial,
            "finished": self._finished,
        }

    def __call__(self, type: str, data: Json) -> None:  # noqa: A002 - as the journal calls it
        if type not in self._lines:
            return
        now = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
        with suppress(OSError, ValueError):  # nobody listens, or the disk is full
            for line in self._lines[type](data):
                sys.stdout.write(f"{now} {line}\n")
            sys.stdout.flush()

    def _started(self, data: Json) -> Iterator[str]:
        ranks, threads = data.get("ranks") or 1, data.get("threads") or 1
        many = f"{ranks} rank{'s' * (ranks != 1)} of {threads} thread{'s' * (threads != 1)}"
        yield f"Runs on {data.get('device') or 'a device'}, {many}."
        if versions := data.get("versions"):
            yield f"With {', '.join(f'{name} {version}' for name, version in versions.items())}."
        if self._reads:
            yield f"The data: {self._reads}."

    def _phase(self, data: Json) -> Iterator[str]:
        if data.get("name") == "score":  # what comes before is the same for few rows and for many
            self._rows = time.monotonic()
        return _text(data)

    def _epochs(self, data: Json) -> Iterator[str]:
        now = time.monotonic()
        if now - self._epoch < OFTEN:
            return
        self._epoch = now
        named = (("training", data.get("train_loss")), ("validation", data.get("val_loss")))
        losses = [f"{name} loss {value:.4g}" for name, value in named if value is not None]
        best = ["the best so far"] if data.get("best") else []
        figures = ", ".join(losses + best)
        yield f"{self._unit} {data['epoch']}{': ' if figures else ''}{figures}."

    def _trial(self, data: Json) -> Iterator[str]:
        what = _value(self._metric, data.get("value")) or data.get("reason") or data["state"]
        best = ", the best so far" if data.get("best") else ""
        said = f"{what}{best}".rstrip(".")
        yield f"Trial {data['number']} of {data['of']}: {said}; {_time(data['seconds'])}."

    def _finished(self, data: Json) -> Iterator[str]:
        passed = time.monotonic() - self._began
        facts: Json = data.get("facts") or {}
        if "judged" in data:
            yield f"{data['judged']:,} of {data['of']:,} were judged{_with(facts)}."
        elif "rows" in data:
            took = time.monotonic() - self._rows
            pace = data["rows"] / max(took, 1e-3)
            yield f"{data['rows']:,} rows in {_time(took)}, {pace:,.0f} a second{_with(facts)}."
        elif what := _imported(facts):
            yield f"{what} came in."
        name = str(data.get("metric"))
        if score := _value(name, data.get("score")):
            then = _figure(name, (data.get("trained") or {}).get(name))
            yield f"{score}{f', in the training {then}' if then else ''}."
        yield from _grown(facts)
        yield from _written(data)
        yield f"Done after {_time(passed)}."


def _text(data: Json) -> Iterator[str]:
    yield f"{'Warning: ' if data.get('level') == 'warning' else ''}{data.get('text') or ''}"


def _with(facts: Json) -> str:
    """What predicted, and where."""
    engine = facts.get("engine") or ""
    label = SCORERS[engine].label if engine in SCORERS else "the model's own library"
    by = f", by {label}" if engine else ""
    return f"{by} on {facts['device']}" if facts.get("device") else by


def _imported(facts: Json) -> str:
    if "columns" in facts and "rows" in facts:
        return f"{facts['rows']:,} rows of {facts['columns']:,} columns"
    return f"{facts['images']:,} pictures" if isinstance(facts.get("images"), int) else ""


def _written(data: Json) -> Iterator[str]:
    if table := data.get("table"):
        yield f"Written to the table {table['table']} of {table['connection']}."
    elif data.get("file"):
        yield f"Written to {data['file']}."
    if data.get("bundle"):
        yield "The model is written, and predicts as it did in memory."


def _grown(facts: Json) -> Iterator[str]:
    """Of a training that went on from a model: what it added."""
    stands_on, own = facts.get("lineage") or [], facts.get("best_epoch")
    if not stands_on or own is None:
        return
    if learned := facts.get("learned"):  # trees, of which some of its rounds may have none
        own = learned["rounds"] - learned.get("went_on_from", 0)
    there, unit = sum(one["rounds"] for one in stands_on), stands_on[-1]["unit"]
    came = f"{own:,} {unit}{' was' if own == 1 else 's were'} added"
    yield f"{came} to the {there:,} that were there: {there + own:,} in all."


def _unit(spec: Json) -> str:
    card = ALGORITHMS.get(str(spec.get("algorithm")))
    return (card.unit if card else "epoch").capitalize()


def _card(name: str) -> Metric | None:
    return next((one.metrics[name] for one in TASKS.values() if name in one.metrics), None)


def _value(name: str, value: Any) -> str:
    """`ROC AUC 0.8616`; "" where there is none."""
    card, figure = _card(name), _figure(name, value)
    return f"{card.label} {figure}" if card and figure else ""


def _figure(name: str, value: Any) -> str:
    card = _card(name)
    if card is None or not isinstance(value, int | float):
        return ""
    return f"{100 * value:.1f} %" if card.percent else f"{value:.4g}"


def _time(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d}"
