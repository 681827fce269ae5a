"""A train job's spec, checked by the cards."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recipes.algorithms import ALGORITHMS, Algorithm
from recipes.engine import before
from recipes.engine.before import Before
from recipes.job import BadJob, Job
from recipes.tasks import TASKS, Metric, Task


@dataclass(frozen=True, kw_only=True)
class Design:
    """What to train, with nothing left open; `notes` say what was decided here."""

    task: Task
    algorithm: Algorithm
    params: dict[str, Any]
    training: dict[str, Any]
    augmentation: dict[str, Any]
    split: dict[str, Any]
    metric: Metric
    dataset: Path
    fingerprint: str
    goes_on_from: Before | None
    notes: list[str]


def read(job: Job, device: str) -> Design:
    """Raises BadBundle, BadJob or ParamError with the sentence for what is wrong."""
    spec = job.spec
    task = card(TASKS, spec, "task")
    algorithm = card(ALGORITHMS, spec, "algorithm")
    if algorithm.name not in task.algorithms:
        raise BadJob(f"{algorithm.label} cannot solve {task.label}.")
    given, told = algorithm.translate(spec.get("params") or {})
    resolved = algorithm.resolve(
        algorithm.params.clean(given),
        algorithm.training.clean(spec.get("training") or {}),
        task.augmentation.clean(spec.get("augmentation") or {}),
        device,
    )
    folder, fingerprint = dataset_of(spec)
    parts = task.split.clean(spec.get("split") or {})
    kept = before.of_pictures({**spec, "params": resolved.params, "split": parts})
    notes = [*(spec.get("notes") or []), *told, *resolved.notes]
    if kept is not None:
        how = "the way it sees pictures"
        notes += before.notes(kept, keeps=how, fingerprint=fingerprint, split=parts)
    return Design(
        task=task,
        algorithm=algorithm,
        params=resolved.params,
        training=resolved.training,
        augmentation=resolved.augmentation,
        split=parts,
        metric=metric_of(task, spec),
        dataset=folder,
        fingerprint=fingerprint,
        goes_on_from=kept,
        notes=notes,
    )


def card(table: dict[str, Any], spec: dict[str, Any], name: str) -> Any:
    """The card that the spec names. Raises BadJob."""
    found = table.get(spec.get(name, ""))
    if found is None:
        raise BadJob(f"There is no {name} called {spec.get(name)!r}. Known: {', '.join(table)}.")
    return found


def metric_of(task: Task, spec: dict[str, Any]) -> Metric:
    """The metric that chooses. Raises BadJob."""
    metric = task.metrics.get(spec.get("metric") or task.default_metric)
    if metric is None:
        raise BadJob(
            f"{task.label} has no metric {spec['metric']!r}. Known: {', '.join(task.metrics)}."
        )
    return metric


def dataset_of(spec: dict[str, Any]) -> tuple[Path, str]:
    """Its folder and its fingerprint. Raises BadJob."""
    dataset = spec.get("dataset") or {}
    if not dataset.get("folder") or not dataset.get("fingerprint"):
        raise BadJob("The job names no dataset: it needs its folder and its fingerprint.")
    return Path(dataset["folder"]), str(dataset["fingerprint"])
