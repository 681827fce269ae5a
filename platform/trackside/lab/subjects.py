"""What the Lab asks of a dataset, by what its task learns from: images or a table."""

from recipes.tasks import TASKS, data_of
from recipes.tasks.task import LEAST_ROWS
from trackside.datasets import tables
from trackside.datasets.models import Dataset, DatasetState
from trackside.lab import targets
from trackside.lab.targets import Column
from trackside.lab.trouble import BadDesign, Refused


def ready(dataset: Dataset) -> Dataset:
    """The dataset when it can train a model. Raises Refused with the sentence."""
    if dataset.state != DatasetState.READY:
        why = f" {dataset.reason}" if dataset.reason else ""
        raise Refused(
            f"The dataset {dataset.name} cannot be used yet: it is "
            f"{dataset.get_state_display().lower()}.{why}"
        )
    READY[dataset.kind](dataset)
    return dataset


def _images(dataset: Dataset) -> None:
    classes = [one for one in dataset.facts.get("classes") or [] if one.get("count")]
    if not classes and dataset.facts.get("boxes"):
        raise Refused(
            f"The dataset {dataset.name} has boxes around objects, not one class for each "
            "picture. A classifier needs classes; object detection comes later."
        )
    if len(classes) < 2:
        found = f"only {classes[0]['name']!r}" if classes else "no labels"
        raise Refused(
            f"The dataset {dataset.name} has {found}: a classifier needs pictures of at least two "
            "classes, each class in a folder of its own."
        )


def _table(dataset: Dataset) -> None:
    if not tables.described(dataset):
        raise Refused(
            f"The table {dataset.name} has no profile of its columns. Only tables that were "
            "uploaded, or that a recipe wrote since, can train a model: run its recipe again."
        )
    if dataset.facts["columns"] < 2:
        raise Refused(
            f"The table {dataset.name} has one column: there must be one to predict and another "
            "one to learn from."
        )
    if dataset.rows < LEAST_ROWS:
        raise Refused(
            f"The table {dataset.name} has {dataset.rows} row{'' if dataset.rows == 1 else 's'}; "
            f"{LEAST_ROWS} is the least to learn from."
        )


class Missing(Refused):
    """The table has no such column."""


READY = {"images": _images, "table": _table}


def columns_of(dataset: Dataset) -> list[Column]:
    """The profile of a table's columns; [] for images."""
    return tables.columns(dataset) if dataset.kind == "table" else []


def column_of(dataset: Dataset, name: str) -> Column:
    """The column of that name. Raises Refused."""
    columns = columns_of(dataset)
    found = next((one for one in columns if one["name"] == name), None)
    if found is None:
        some = ", ".join(one["name"] for one in columns[:10])
        raise Missing(f"The table {dataset.name} has no column {name!r}. It has {some}.")
    return found


def unfit(dataset: Dataset, task: str, target: str, positive: str = "") -> str:
    """Why the dataset's target cannot be learned as this task any more; "" when it can."""
    if data_of(task) == "images":
        return ""
    column = column_of(dataset, target)
    return targets.refuse(task, column, dataset.rows) or targets.no_positive(column, positive)


def aim(dataset: Dataset, target: str, task: str | None) -> str:
    """The task of a new analysis: the one that was asked for, or the target's own.

    Raises BadDesign, Refused.
    """
    if task is not None and task not in TASKS:
        raise BadDesign({"task": f"'task' must be one of {', '.join(TASKS)}, not {task!r}."})
    words = {"images": "images", "table": "a table"}
    if task is not None and data_of(task) != dataset.kind:
        said = f"{TASKS[task].label} needs {words[data_of(task)]}"
        raise BadDesign({"dataset": f"{said}; {dataset.name} is {words[dataset.kind]}."})
    return AIMS[dataset.kind](dataset, target, task)


def _aim_images(dataset: Dataset, target: str, task: str | None) -> str:
    if target != "label":
        raise BadDesign(
            {"target": f"A dataset of images has the target 'label', its folders; not {target!r}."}
        )
    ready(dataset)
    return task or "image_classification"


def _aim_table(dataset: Dataset, target: str, task: str | None) -> str:
    try:
        column = column_of(ready(dataset), target)
    except Missing as missing:
        raise BadDesign({"target": str(missing)}) from None
    found = targets.suggest(column, dataset.rows)
    refused = targets.refuse(task, column, dataset.rows) if task else not found.task and found.why
    if refused:
        raise BadDesign({"target": refused})
    return task or found.task


AIMS = {"images": _aim_images, "table": _aim_table}
