"""What a page of results is made of, whatever the model was trained on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from trackside.lab import thresholds
from trackside.lab.entrants import Entrant

Json = dict[str, Any]
Fill = Callable[[HttpRequest, Entrant, Json], Json]


def nothing(request: HttpRequest, model: Entrant, report: Json) -> Json:
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


def threshold_of(request: HttpRequest, report: Json) -> float:
    """The one of the address, else the one that is kept, else the model's own."""
    own = report.get("threshold")
    asked = thresholds.asked(request.GET.get("threshold"), 0.5 if own is None else float(own))
    return min(1.0, max(0.0, asked))


def figures(model: Entrant, report: Json) -> list[Json]:
    """The metrics with their cards, the chosen one first."""
    classes = report.get("classes") or []
    cards = model.card.metrics
    names = sorted(cards, key=lambda name: name != model.metric)
    return [{"card": cards[one].of(classes), "value": model.metrics.get(one)} for one in names]
