"""TASKS: the machine learning problems there are. A new task is one file and one line here."""

from recipes.tasks import image_classification, multiclass, regression, two_class
from recipes.tasks.task import Metric, Task

TASKS: dict[str, Task] = {
    "image_classification": image_classification.TASK,
    "two_class": two_class.TASK,
    "multiclass": multiclass.TASK,
    "regression": regression.TASK,
}


def data_of(task: str | None) -> str:
    """What the task learns from: images or table. One that is not known is told by the job."""
    return TASKS[task].data if task in TASKS else "images"


__all__ = ["TASKS", "Metric", "Task", "data_of"]
