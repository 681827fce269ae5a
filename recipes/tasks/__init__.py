"""TASKS: the machine learning problems there are. A new task is one file and one line here."""

from recipes.tasks import image_classification
from recipes.tasks.task import Metric, Task

TASKS: dict[str, Task] = {"image_classification": image_classification.TASK}

__all__ = ["TASKS", "Metric", "Task"]
