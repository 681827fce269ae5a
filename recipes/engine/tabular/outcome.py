"""How a training on a table ends: its predictions judged, the bundle written, the result told."""

import hashlib
import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from recipes import bundle
from recipes.engine.before import stands_on, tell_grown
from recipes.engine.facts import versions_of
from recipes.engine.metrics import Floats, Ints
from recipes.engine.tabular import (
    figures,
    history,
    insight,
    proof,
    reference,
    report,
    report_steps,
    seen,
)
from recipes.engine.tabular.contributions import BACKGROUND, is_exact
from recipes.engine.tabular.fitting import Fit, Judged
from recipes.engine.tabular.model import BLOCK, Model
from recipes.engine.tabular.report_steps import Steps
from recipes.engine.tabular.rows import Ready
from recipes.events import finite
from recipes.whatif import Seen

PREDICTIONS = "predictions.parquet"


class Ended(NamedTuple):
    """`model` is published; `seen` is the one that made (some of) the judged predictions.

    `learned` are the rows that the first one learned from; `learning` is the learning curve of the
    second, `search` what found the params, where they were asked for.
    """

    model: Model
    seen: Model
    judged: dict[str, Judged]
    folds: list[Judged]
    learned: Ints
    learning: dict[str, Any] | None = None
    search: dict[str, Any] | None = None

    @property
    def refit(self) -> bool:
        """Whether the published model has learned from the validation rows too."""
        return not self.folds and bool(np.isin(self.judged["val"].rows, self.learned).any())


def publish(fit: Fit, ended: Ended, used: dict[str, Any]) -> None:
    """Write the bundle and the last event. `used` are the facts of the clock."""
    ready, design, ended = fit.ready, fit.design, _compared(fit, ended)
    val = ended.judged["val"]
    steps = _steps(fit, ended)
    threshold = _threshold(fit, val)
    judged = {
        name: figures.judge(design.task.name, ready.target[one.rows], one.given, threshold)
        for name, one in ended.judged.items()
    }
    made = _report(fit, ended, judged, threshold, steps)
    steps.begin(report_steps.WRITE)
    learned = ended.model.learner.facts()
    about = {
        "task": design.task.name,
        "algorithm": design.algorithm.name,
        "params": design.params,
        "searched": ended.search is not None and ended.search["best"] is not None,
        "refit": ended.refit,
        "features": design.features,
        "columns": _columns(fit, ended.model),
        "target": design.target,
        "target_type": next(c["type"] for c in design.columns if c["name"] == design.target),
        "weights": design.weight,
        "rebalance": design.rebalance,
        "split": design.split,
        "sample": ready.sample,
        "classes": ready.classes,
        "threshold": threshold,
        "metric": design.metric.name,
        "metrics": judged["val"],
        "test_metrics": judged.get("test"),
        "fingerprint": design.fingerprint,
        "judged": _named(ready.numbers[val.rows]),
        "test_fingerprint": design.second and design.second.fingerprint,
        "seed": fit.job.seed,
        "learned": learned,
        **stands_on(design),
        "versions": _versions(fit),
    }
    place = fit.folder / "bundle"
    learned_from = reference.sample(ready.table, ended.learned, design.features, fit.job.seed)
    rows = predictions(ready, val, threshold)
    save = partial(_save, ended.model, rows, learned_from, _seen(fit, ended))
    size = bundle.write(place, finite(about), made, save)
    proved = _proved(place, fit, ended, used["device"], threshold)
    tell_grown(fit.journal, design, history.added(learned), share=1.0)
    fit.journal.write(
        "finished",
        bundle=str(place),
        metric=design.metric.name,
        score=judged["val"][design.metric.name],
        metrics=judged["val"],
        kept=_kept(fit, ended),
        facts={
            **used,
            **_facts(fit, ended, learned, size),
            "own_threshold": threshold,
            "proof": proved,
        },
    )


def _named(numbers: Ints) -> str:
    """Names a set of rows: two models that were judged by other ones are compared as such."""
    return hashlib.sha256(np.sort(numbers).astype("<i8").tobytes()).hexdigest()[:16]


def _proved(
    place: Path, fit: Fit, ended: Ended, device: str, threshold: float | None
) -> dict[str, Any]:
    """What was written, read back, beside the model that this `device` trained. Raises BadBundle,
    and nothing is left."""
    rows = fit.ready.take(ended.judged["val"].rows[: proof.ROWS])
    found = proof.written(place, ended.model, rows, threshold)
    told = found.facts(ended.model.learner, device, on_gpu=fit.device == "cuda")
    if not told["agrees"]:
        fit.journal.write("note", level="warning", text=told["why"])
    return told


def predictions(ready: Ready, judged: Judged, threshold: float | None) -> pa.Table:
    """The judged rows, the worst first: number, true, prediction, a probability for each class."""
    order = worst_first(ready.target[judged.rows], judged.given)
    rows, given = judged.rows[order], judged.given[order]
    true = ready.target[rows]
    columns: dict[str, Any] = {"number": ready.numbers[rows]}
    if not ready.classes:
        return pa.table({**columns, "true": true, "prediction": given})
    names = pa.array(ready.classes)
    columns["true"] = names.take(pa.array(true.astype(np.int64)))
    columns["prediction"] = names.take(pa.array(figures.chosen(given, threshold)))
    for place, name in enumerate(ready.classes):
        columns[f"proba_{name}"] = given[:, place]
    return pa.table(columns)


def worst_first(true: Floats, given: Floats) -> Ints:
    """Places by what a row costs, whatever the threshold; equals stay as they stand.

    The lowest probability of the true class comes first, or the largest error.
    """
    if given.ndim == 1:
        return np.argsort(-np.abs(given - true), kind="stable")
    return np.argsort(given[np.arange(len(true)), true.astype(np.int64)], kind="stable")


def _seen(fit: Fit, ended: Ended) -> list[Seen]:
    rows = np.random.default_rng(fit.job.seed).permutation(ended.learned)[: seen.ROWS]
    types = {one["name"]: one["type"] for one in fit.design.columns}
    return seen.of(fit.ready.take(np.sort(rows)), ended.model, types)


def _save(
    model: Model, rows: pa.Table, learned_from: pa.Table, columns: list[Seen], folder: Path
) -> None:
    model.save(folder)
    (folder / seen.FILE).write_text(json.dumps(columns, allow_nan=False))
    pq.write_table(rows, folder / PREDICTIONS, compression="zstd", row_group_size=BLOCK)
    pq.write_table(learned_from, folder / reference.FILE, compression="zstd")


def _threshold(fit: Fit, val: Judged) -> float | None:
    if fit.design.task.name != "two_class":
        return None
    true = fit.ready.target[val.rows].astype(np.int64)
    return figures.best_threshold(true, val.given[:, 1], fit.design.metric.name)


def _steps(fit: Fit, ended: Ended) -> Steps:
    """Those of the report, the first of them begun."""
    val, model = ended.judged["val"].rows, ended.seen
    pace = report_steps.pace(model, fit.ready.take(val[: report_steps.SOME]))
    expected = report_steps.expected(pace, len(model.encoder.columns), len(val), fit.course.spent())
    steps = Steps(fit.journal, fit.course, expected)
    steps.begin(report_steps.JUDGE)
    return steps


def _report(
    fit: Fit,
    ended: Ended,
    judged: dict[str, Any],
    threshold: float | None,
    steps: Steps,
) -> dict[str, Any]:
    ready, task = fit.ready, fit.design.task
    parts = {
        name: {
            **report.make(task.name, ready.target[one.rows], one.given, ready.classes, threshold),
            "rows": len(one.rows),
            "metrics": judged[name],
        }
        for name, one in ended.judged.items()
    }
    folds = [
        figures.judge(task.name, ready.target[one.rows], one.given, threshold)
        for one in ended.folds
    ]
    if ready.second:
        parts["test"] |= ready.second.told()
    held = ended.folds[0] if ended.folds else ended.judged["val"]  # what `seen` has judged
    cleaned: dict[str, Any] = finite(
        {
            "task": task.name,
            "split": "folds" if folds else "val",
            **parts["val"],
            "test": parts.get("test"),
            "folds": _spread(folds),
            "history": history.thinned(fit.history),
            "learning": ended.learning,
            "search": ended.search,
            "refit": ended.refit,
            **insight.made(fit, ended.seen, held, threshold, steps),
            "definitions": {n: one.of(ready.classes).definition for n, one in task.metrics.items()},
        }
    )
    return cleaned


def _compared(fit: Fit, ended: Ended) -> Ended:
    """With training rows beside models whose contributions come from comparing with them."""
    if is_exact(ended.model):
        return ended
    rows = np.random.default_rng(fit.job.seed).permutation(ended.learned)[:BACKGROUND]
    some = fit.ready.take(np.sort(rows))
    model, judge = (replace(one, background=some) for one in (ended.model, ended.seen))
    return ended._replace(model=model, seen=judge)


def _spread(folds: list[figures.Figures]) -> dict[str, Any] | None:
    """Mean and standard deviation of each metric over the folds."""
    if not folds:
        return None
    made = {}
    for name in folds[0]:
        each = [one[name] for one in folds]
        known = np.array([one for one in each if one is not None])
        mean, std = (float(known.mean()), float(known.std())) if len(known) else (None, None)
        made[name] = {"mean": mean, "std": std, "each": each}
    return made


def _kept(fit: Fit, ended: Ended) -> dict[str, Any] | None:
    """The losses of the model that judges; of a cross-test several do."""
    return None if ended.folds else history.kept(fit.history, ended.seen.learner.facts())


def _columns(fit: Fit, model: Model) -> list[dict[str, str]]:
    """The inputs as the table has them: a score is refused where they differ."""
    types = {one["name"]: one["type"] for one in fit.design.columns}
    return [{"name": one.name, "type": types[one.name]} for one in model.encoder.columns]


def _versions(fit: Fit) -> dict[str, str]:
    design = fit.design
    told = {"algorithm": design.algorithm.name, "params": design.params}
    return versions_of(told, fit.job.compute.device)


def _facts(fit: Fit, ended: Ended, learned: dict[str, Any], size: int) -> dict[str, Any]:
    ready = fit.ready
    return {
        "precision": "fp32",
        "threads": fit.job.compute.threads,
        "rate": None,
        "versions": _versions(fit),
        "rows": ready.parts.counts(),
        "sample": ready.sample,
        "refit": ended.refit,
        "inputs": len(ended.model.encoder.columns),
        "outputs": len(ended.model.encoder.outputs),
        "size": size,
        "learned": learned,
        **stands_on(fit.design),
        "best_epoch": history.own(learned),
        "epochs": len(fit.history) or None,
    }
