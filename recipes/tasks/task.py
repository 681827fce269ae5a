"""What a task, a machine learning problem, is to the web: its forms, metrics and algorithms."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from recipes.params import Params

MOST_CLASSES = 200  # of a table's target
LEAST_ROWS = 5  # with a target: fewer cannot train and judge
POSITIVE = "the positive class"  # as definitions call it


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One figure about a model. `definition` is a sentence a user reads beside it."""

    name: str
    label: str
    definition: str
    higher_is_better: bool = True
    percent: bool = False  # shown as 94.1 % and not as 0.941
    unit: bool = False  # in the target's own: its digits go by its size

    def of(self, classes: Sequence[str]) -> "Metric":
        """The same where the classes are known: of two, the definition names the positive one."""
        if len(classes) != 2:
            return self
        named = self.definition.replace(POSITIVE, f"the class {classes[1]}")
        return replace(self, definition=named)


@dataclass(frozen=True, kw_only=True)
class Task:
    """A card. `split` and `augmentation` are the tabs of the design that depend on the data."""

    name: str
    label: str
    help: str
    data: Literal["images", "table"]
    split: Params
    augmentation: Params
    metrics: dict[str, Metric]
    default_metric: str
    algorithms: tuple[str, ...]
