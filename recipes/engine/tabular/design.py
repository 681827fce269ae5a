"""A train job on a table: its spec, checked by the cards and by the table's columns."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recipes import features as handling
from recipes import search
from recipes.algorithms import ALGORITHMS, Algorithm
from recipes.data import table as source
from recipes.data.listing import BadData
from recipes.engine.design import card, dataset_of, metric_of
from recipes.engine.tabular import before, second
from recipes.engine.tabular.before import Before
from recipes.engine.tabular.second import Second
from recipes.features import Column, Handling
from recipes.job import BadJob, Job
from recipes.tasks import TASKS, Metric, Task, table_split
from recipes.tasks.task import LEAST_ROWS


@dataclass(frozen=True, kw_only=True)
class TableDesign:
    """What to train, with nothing left open; `notes` say what was decided here."""

    task: Task
    algorithm: Algorithm
    params: dict[str, Any]
    features: dict[str, Handling]
    columns: list[Column]  # of the table, the target among them
    split: dict[str, Any]
    second: Second | None  # the dataset that tests, where the split names one
    metric: Metric
    dataset: Path
    fingerprint: str
    target: str
    positive: str  # of two classes; "": the last one in order
    weight: str  # a column, or ""
    time: str
    rebalance: bool
    learning_curve: bool
    refit: bool  # whether the final model learns from the validation rows too
    search: dict[str, Any] | None  # complete, recipes/search.py
    goes_on_from: Before | None
    notes: list[str]

    @property
    def inputs(self) -> list[str]:
        return [name for name, one in self.features.items() if one["role"] == "input"]

    @property
    def dropping(self) -> list[str]:
        """The inputs of which a gap drops the row."""
        return [name for name in self.inputs if self.features[name]["missing"] == "drop_rows"]


def read(job: Job, device: str) -> TableDesign:
    """Raises BadJob, BadData or ParamError with the sentence for what is wrong."""
    spec = job.spec
    task, algorithm = card(TASKS, spec, "task"), card(ALGORITHMS, spec, "algorithm")
    if algorithm.name not in task.algorithms:
        raise BadJob(f"{algorithm.label} cannot solve {task.label}.")
    given, told = algorithm.translate(spec.get("params") or {})
    notes = [*(spec.get("notes") or []), *told]  # what was changed before it was submitted
    resolved = algorithm.resolve(algorithm.params.clean(given), {}, {}, device)
    _, fingerprint = dataset_of(spec)
    folder = source.unchanged(spec["dataset"])
    columns, target = source.profile(folder), str(spec.get("target") or "")
    if target not in {one["name"] for one in columns}:
        some = ", ".join(one["name"] for one in columns[:20])
        raise BadData(f"The table has no column {target!r} to predict. It has {some}.")
    rows = source.opened(folder).metadata.num_rows
    if rows < LEAST_ROWS:
        raise BadData(
            f"The table has {rows} row{'' if rows == 1 else 's'}: to learn and to judge it takes "
            f"{LEAST_ROWS} at least."
        )
    handled, left_out = handling.resolve(
        [one for one in columns if one["name"] != target],
        spec.get("features") or {},
        rows=rows,
        takes_missing=algorithm.takes_missing,
        scales=algorithm.scales,
        ranks=algorithm.ranks,
    )
    weight = str(spec.get("weights") or _only(handled, "weight"))
    if weight:
        _make_weight(handled, weight)
    if not any(one["role"] == "input" for one in handled.values()):
        raise BadData(
            "No column is left to learn from: each is left out. Give one the role input in "
            "Features, or choose a table with more columns. " + " ".join(left_out)
        )
    time = _only(handled, "time")
    split = _split(task, spec, timed=bool(time))
    complete = {**spec, "params": resolved.params, "features": handled, "split": split}
    searches, fewer = _search(algorithm, spec, device)
    notes += [*resolved.notes, *fewer]
    goes_on_from = before.opened(complete, columns)
    kept = goes_on_from and before.notes(
        goes_on_from, fingerprint=fingerprint, split=split, time=time
    )
    return TableDesign(
        task=task,
        algorithm=algorithm,
        params=resolved.params,
        features=handled,
        columns=columns,
        split=split,
        second=second.named(spec, split),
        metric=metric_of(task, spec),
        dataset=folder,
        fingerprint=fingerprint,
        target=target,
        positive=_positive(task, spec),
        weight=weight,
        time=time,
        rebalance=bool(spec.get("rebalance")),
        learning_curve=bool(spec.get("learning_curve")),
        refit=bool(spec.get("refit", True)) and split["policy"] != "kfold",
        search=searches,
        goes_on_from=goes_on_from,
        notes=[*notes, *left_out, *(kept or []), *_idle(algorithm, device)],
    )


def _split(task: Task, spec: dict[str, Any], *, timed: bool) -> dict[str, Any]:
    split = task.split.clean(spec.get("split") or {})
    if sentence := table_split.trouble(split, task.name, timed=timed):
        raise BadJob(sentence)
    return split


def _positive(task: Task, spec: dict[str, Any]) -> str:
    named = str(spec.get("positive") or "")
    if named and task.name != "two_class":
        raise BadJob(f"{task.label} has no positive class; only two classes have one.")
    return named


def _search(
    algorithm: Algorithm, spec: dict[str, Any], device: str
) -> tuple[dict[str, Any] | None, list[str]]:
    """The search, complete, and notes of what this device cannot try."""
    if not spec.get("search"):
        return None, []
    made = search.clean(algorithm.params, spec["search"])
    if device == "cpu":
        return made, []
    return search.on_gpu(made, algorithm.params, algorithm.gpu_with)


def _only(handled: dict[str, Handling], role: str) -> str:
    found = [name for name, one in handled.items() if one["role"] == role]
    if len(found) > 1:
        raise BadJob(f"{' and '.join(map(repr, found[:3]))} have the role {role}; one may have it.")
    return found[0] if found else ""


def _make_weight(handled: dict[str, Handling], name: str) -> None:
    if name not in handled:
        raise BadJob(f"The table has no column {name!r} that could be the weight.")
    handled[name] = {**handled[name], "role": "weight"}


def _idle(algorithm: Algorithm, device: str) -> list[str]:
    if device != "cuda" or algorithm.on_gpu:
        return []
    return [f"{algorithm.label} learns on the CPU: the GPU of this job stays idle."]
