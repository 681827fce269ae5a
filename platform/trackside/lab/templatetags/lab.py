"""What the Lab's templates say in their own words: `{% load lab %}`."""

from typing import Any

from django import template

from recipes.tasks import TASKS
from trackside.lab import searching
from trackside.lab.labels import metric_text
from trackside.lab.models import TrainedModel
from trackside.ui.words import plural

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
def searched(model: TrainedModel) -> str:
    """`Random search: the best of 30 trials`."""
    words = searching.WORDS.get(model.search.get("strategy", ""), "search")
    told = f"{words[:1].upper()}{words[1:]}"
    done = model.search.get("done")
    return f"{told}: the best of {plural(done, 'trial')}" if done else told


@register.filter
def given(value: Any) -> Any:
    """None in place of what a template makes of a missing value."""
    return None if value == "" else value
