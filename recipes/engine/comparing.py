"""A compare job: the figures of a champion and its challengers on the rows that judged both.

The interval of a difference is a paired bootstrap: the same rows are drawn for both models, again
and again, so that a hard row counts against both. Nothing is predicted anew. Of few rows its
quantiles lie too near each other, as normal ones do beside those of Student's t, and are taken
further out. Against several challengers their intervals together hold the truth 95 times in 100.
"""

import json
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import special

from recipes.engine import metrics
from recipes.engine.metrics import Floats, Ints
from recipes.engine.tabular import figures
from recipes.events import Journal, finite
from recipes.job import BadJob, Job

RESAMPLES, LEAST = 1000, 100  # drawings; never fewer than LEAST, whatever the time
SECONDS = 20.0  # of drawing, all challengers together
FEW = 30  # rows below which an interval says nothing
NUMBERS = 200_000  # rows times classes that are drawn from; of more rows a sample
LEVEL = 0.95


class Unreadable(Exception):
    """A bundle that cannot be compared; the message says why."""

    code = "bad_data"


@dataclass(frozen=True)
class Judged:
    """What a bundle says about the rows that judged it, sorted by their number.

    `true` [rows]: places among the classes, or values; `given` [rows, classes], or values [rows].
    """

    fingerprint: str
    numbers: Ints
    true: Floats
    given: Floats
    threshold: float | None


def compare_job(job: Job, folder: Path) -> None:
    """`finished` has a pair for each challenger, in their order. docs/jobs.md has the shape."""
    bundles = [Path(one) for one in job.spec.get("bundles") or []]
    if len(bundles) < 2:
        raise BadJob("A comparison needs a champion and at least one challenger.")
    task = str(job.spec["task"])
    kept = job.spec.get("thresholds") or [None] * len(bundles)
    with closing(Journal(folder)) as journal:
        first, *others = zip(bundles, kept, strict=True)
        champion = read(*first)
        until = time.monotonic() + SECONDS
        pairs = []
        for place, one in enumerate(others):  # one at a time: a million rows are large
            left = (until - time.monotonic()) / (len(others) - place)
            other = read(*one)
            made = pair(task, champion, other, seconds=left, seed=job.seed, of=len(others))
            pairs.append(made)
            journal.write("progress", done=place + 1, of=len(others), unit="model", eta=None)
        journal.write("finished", pairs=finite(pairs), level=LEVEL)


def read(bundle: Path, threshold: float | None = None) -> Judged:
    """`threshold`: in place of the bundle's own. Raises Unreadable."""
    try:
        about = json.loads((bundle / "model.json").read_text())
        classes = [str(one) for one in about.get("classes") or []]
        table = (bundle / "predictions.parquet").is_file()
        numbers, true, given = (_rows if table else _lines)(bundle, classes)
    except (OSError, ValueError, KeyError, TypeError) as torn:
        raise Unreadable(f"The predictions in {bundle.name} cannot be read: {torn}.") from torn
    order = np.argsort(numbers, kind="stable")
    return Judged(
        str(about.get("fingerprint", "")),
        numbers[order],
        true[order],
        given[order],
        about.get("threshold") if threshold is None else threshold,
    )


def _rows(bundle: Path, classes: list[str]) -> tuple[Ints, Floats, Floats]:
    """Of a table's model."""
    import pyarrow.parquet as parquet  # noqa: PLC0415 - pictures need none

    table = parquet.read_table(bundle / "predictions.parquet")
    numbers = np.asarray(table.column("number").to_numpy(), np.int64)
    if not classes:
        both = (table.column(name).to_numpy() for name in ("true", "prediction"))
        true, given = (np.asarray(one, np.float64) for one in both)
        return numbers, true, given
    columns = [table.column(f"proba_{name}").to_numpy() for name in classes]
    true = _places(table.column("true").to_pylist(), classes)
    return numbers, true, np.stack(columns, 1).astype(np.float64)


def _lines(bundle: Path, classes: list[str]) -> tuple[Ints, Floats, Floats]:
    """Of a model of pictures."""
    numbers: list[int] = []
    true: list[str] = []
    given = []
    with (bundle / "predictions.jsonl").open() as source:
        for line in source:
            one = json.loads(line)
            numbers.append(one["number"])
            true.append(one["true"])
            given.append(np.array([one["probas"][name] for name in classes], np.float64))
    shaped = np.array(given, np.float64).reshape(len(given), len(classes))
    return np.array(numbers, np.int64), _places(true, classes), shaped


def _places(names: list[Any], classes: list[str]) -> Floats:
    place = {name: n for n, name in enumerate(classes)}
    return np.array([place[str(one)] for one in names], np.float64)


def pair(
    task: str, champion: Judged, other: Judged, *, seconds: float, seed: int, of: int = 1
) -> dict[str, Any]:
    """`{"champion_rows", "rows", "shared", "why", "resamples", "metrics": {name: {...}}}`.

    `of` how many challengers, whose intervals have to hold together.
    """
    first, second, why = _together(champion, other)
    found: dict[str, Any] = {
        "champion_rows": len(champion.numbers),
        "rows": len(other.numbers),
        "shared": len(first),
        "why": why,
        "resamples": 0,
        "metrics": {},
    }
    if why:
        return found
    true = champion.true[first]
    judges = [_judge(task, one.threshold) for one in (champion, other)]
    given = [champion.given[first], other.given[second]]
    values = [judge(true, one) for judge, one in zip(judges, given, strict=True)]
    drawn = _draw(true, given, judges, seconds, seed)
    narrower = min(1.0, (_most(given[0]) / len(true)) ** 0.5)
    tail = _tail(min(len(true), _most(given[0])), of)
    found["resamples"] = len(drawn)
    found["metrics"] = {
        name: _difference(one, values[1][name], [each.get(name) for each in drawn], tail, narrower)
        for name, one in values[0].items()
    }
    return found


def _together(champion: Judged, other: Judged) -> tuple[Ints, Ints, str]:
    """The places of the shared rows in both, and why there are none."""
    none = np.array([], np.int64)
    if champion.fingerprint != other.fingerprint:
        return none, none, "dataset"
    _, first, second = np.intersect1d(
        champion.numbers, other.numbers, assume_unique=True, return_indices=True
    )
    if not np.array_equal(champion.true[first], other.true[second]):
        return none, none, "truth"
    if len(first) < FEW:
        return first.astype(np.int64), second.astype(np.int64), "few"
    return first.astype(np.int64), second.astype(np.int64), ""


def _judge(
    task: str, threshold: float | None
) -> Callable[[Floats, Floats], dict[str, float | None]]:
    def judge(true: Floats, given: Floats) -> dict[str, float | None]:
        if task in ("regression", "two_class"):
            return figures.judge(task, true, given, threshold)
        return metrics.judge(true.astype(np.int64), given)

    return judge


def _most(given: Floats) -> int:
    return max(FEW, NUMBERS // (given.shape[1] if given.ndim > 1 else 1))


def _draw(
    true: Floats, given: list[Floats], judges: list[Any], seconds: float, seed: int
) -> list[dict[str, float]]:
    """The differences of each drawing, as far as both figures exist."""
    luck = np.random.default_rng(seed)
    kept = luck.permutation(len(true))[: _most(given[0])]
    true, given = true[kept], [one[kept] for one in given]
    until, found = time.monotonic() + seconds, []
    for n in range(RESAMPLES):
        if n >= LEAST and time.monotonic() > until:
            break
        rows = luck.integers(0, len(true), len(true))
        one, two = (
            judge(true[rows], each[rows]) for judge, each in zip(judges, given, strict=True)
        )
        both = {name: (one[name], two[name]) for name in one}
        found.append({k: b - a for k, (a, b) in both.items() if a is not None and b is not None})
    return found


def _tail(rows: int, of: int) -> float:
    """The share of drawings beyond each end of an interval: less of few rows, and of challengers
    that are several (Hesterberg's expanded percentiles, Bonferroni's share)."""
    beyond = (1 - LEVEL) / 2 / of
    return float(special.ndtr((rows / (rows - 1)) ** 0.5 * special.stdtrit(rows - 1, beyond)))


def _difference(
    one: float | None, two: float | None, drawn: list[float | None], tail: float, narrower: float
) -> dict[str, float | None]:
    """`tail`: the share of the drawings beyond each end. `narrower`: an interval from a sample of
    the rows is wider than that of all of them."""
    made: dict[str, float | None] = {"champion": one, "challenger": two}
    if one is None or two is None:
        return {**made, "difference": None, "low": None, "high": None}
    known = np.array([each for each in drawn if each is not None])
    if len(known) < LEAST:
        return {**made, "difference": two - one, "low": None, "high": None}
    low, middle, high = np.quantile(known, [tail, 0.5, 1 - tail]).tolist()
    if narrower < 1:
        low, high = (two - one + (end - middle) * narrower for end in (low, high))
    return {**made, "difference": two - one, "low": low, "high": high}
