"""What the Lab's templates say in their own words: `{% load lab %}`."""

from typing import Any

from django import template

from recipes.tasks import TASKS
from trackside.lab.labels import metric_text

register = template.Library()


@register.simple_tag
def metric_value(value: Any, card: Any = None, task: str = "image_classification") -> str:
    """A figure as its metric's card says; `card` may be the metric's name."""
    found = TASKS[task].metrics.get(card) if isinstance(card, str) else card
    return metric_text(value, found)


@register.filter
def metric_label(name: str) -> str:
    """A metric by its card's label; anything else, such as a class, as it is called."""
    for task in TASKS.values():
        if name in task.metrics:
            return task.metrics[name].label
    return name


@register.filter
def given(value: Any) -> Any:
    """None in place of what a template makes of a missing value."""
    return None if value == "" else value
