"""What a page of a trained model is made of, whatever it was trained on."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from recipes.tasks import TASKS
from trackside.lab import thresholds
from trackside.lab.models import TrainedModel

Json = dict[str, Any]
Fill = Callable[[HttpRequest, TrainedModel, Json], Json]


def nothing(request: HttpRequest, model: TrainedModel, report: Json) -> Json:
    return {}


@dataclass(frozen=True)
class Tab:
    """`needs`: a part of the report without which there is nothing to show, so no tab."""

    name: str
    label: str
    icon: str
    template: str
    fill: Fill = nothing
    group: str = ""
    needs: str = ""

    def offered(self, report: Json) -> bool:
        """Whether the report has what it needs, of all rows or of a class."""
        held = [report, *(report.get("per_class") or [])]
        return not self.needs or any(one.get(self.needs) for one in held)


def bundle_of(model: TrainedModel) -> Path:
    return Path(settings.TRACKSIDE_STORAGE) / model.bundle


def threshold_of(request: HttpRequest, report: Json) -> float:
    """The one of the address, else the one that is kept, else the model's own."""
    own = report.get("threshold")
    asked = thresholds.asked(request.GET.get("threshold"), 0.5 if own is None else float(own))
    return min(1.0, max(0.0, asked))


def figures(model: TrainedModel, report: Json) -> list[Json]:
    """The metrics with their cards, the chosen one first."""
    classes = report.get("classes") or []
    cards = TASKS[model.session.analysis.task].metrics
    names = sorted(cards, key=lambda name: name != model.metric)
    return [{"card": cards[one].of(classes), "value": model.metrics.get(one)} for one in names]
