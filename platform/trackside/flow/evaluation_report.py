"""What the tabs of an evaluation show, from its document."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest

from recipes.tasks import TASKS
from trackside.flow.evaluation_charts import told as drifted
from trackside.lab import charts_classes, charts_probability, charts_values
from trackside.lab import reports as lab
from trackside.lab.comparison import better, signed, size_of
from trackside.lab.labels import metric_text
from trackside.saved_models.models import Evaluation
from trackside.ui import words

Json = dict[str, Any]
FEW, MOST = 5, 200  # columns of a drift on the summary, on its own tab


def apart(metric: str, now: Json, before: Json) -> float | None:
    """How far a metric is from what it was; None where one of them is not known."""
    one, two = now.get(metric), before.get(metric)
    if not isinstance(one, int | float) or not isinstance(two, int | float):
        return None
    return one - two


def beside(one: Evaluation) -> Json:
    """How far the metric that it was chosen by is from the training's: in words, and whether that
    is better (None: as far as its digits show it is equal)."""
    card = TASKS[one.store.saved_model.task].metrics.get(one.metric)
    moved = apart(one.metric, one.metrics, one.trained)
    if card is None or moved is None:
        return {"difference": words.NOTHING, "better": None}
    size = size_of(one.metrics.get(one.metric), one.trained.get(one.metric))
    return {"difference": signed(moved, card, size), "better": better(card, moved, size)}


def _summary(one: Evaluation, told: Json, request: HttpRequest) -> Json:
    data = told["drift"].get("data") or {}
    return {
        "metrics": _metrics(one, told),
        "score": _text(one.metrics.get(one.metric), one),
        "trained": _text(one.trained.get(one.metric), one),
        "better": beside(one)["better"],
        "moved": [drifted(column) for column in _moved(data)[:FEW]],
        "moved_count": len(_moved(data)),
        "data": data,
        "unknown": told.get("unknown") or {},
    }


def _moved(data: Json) -> list[Json]:
    return [one for one in data.get("columns", []) if one["strength"] != "none"]


def _text(value: Any, one: Evaluation) -> str:
    task = one.store.saved_model.task
    return metric_text(value, TASKS[task].metrics.get(one.metric) if task in TASKS else None)


def _metrics(one: Evaluation, told: Json) -> list[Json]:
    """Each metric now, in the training, and the difference."""
    task = one.store.saved_model.task
    rows = []
    for card in TASKS[task].metrics.values():
        now, before = one.metrics.get(card.name), one.trained.get(card.name)
        moved, size = apart(card.name, one.metrics, one.trained), size_of(now, before)
        rows.append(
            {
                "card": card.of(told.get("classes") or []),
                "chosen": card.name == one.metric,
                "now": metric_text(now, card),
                "before": metric_text(before, card),
                "test": metric_text(
                    (told["trained"].get("test_metrics") or {}).get(card.name), card
                ),
                "difference": signed(moved, card, size) or words.NOTHING,
                "better": better(card, moved, size),
            }
        )
    return rows


def _drift(one: Evaluation, told: Json, request: HttpRequest) -> Json:
    drift = told["drift"]
    data = drift.get("data") or {}
    columns = data.get("columns", [])
    only = request.GET.get("only") == "moved"
    shown = _moved(data) if only else columns
    return {
        "data": data,
        "why": drift.get("why", ""),
        "groups": [
            ("Predictions", "what the model says, beside what it said in its training",
             [drifted(column) for column in drift.get("prediction", [])]),
            ("Truth", "what is to be predicted, beside the training's judged data",
             [drifted(column) for column in drift.get("target", [])]),
        ],
        "columns": [drifted(column) for column in shown[:MOST]],
        "columns_all": len(columns),
        "moved_count": len(_moved(data)),
        "only": only,
        "cut": max(0, len(shown) - MOST),
        "images": "images" in told,
    }  # fmt: skip


def _performance(one: Evaluation, told: Json, request: HttpRequest) -> Json:
    mode = lab.mode_of(request.GET.get("mode"))
    found: Json = {"mode": mode, "modes": lab.MODES, "drawings": _drawings(told, request)}
    if told.get("confusion"):
        things = "pictures" if "images" in told else "rows"
        found |= {
            "rows": lab.confusion(told, mode),
            "sentence": lab.summary(told, things, things.removesuffix("s")),
        }
    return {**found, "per_class": told.get("per_class", []), "mistakes": told.get("mistakes", [])}


def _drawings(told: Json, request: HttpRequest) -> list[Json]:
    """The Lab's charts, for what of them this evaluation has figures."""
    at, wanted = float(told.get("threshold") or 0.0), request.GET.getlist("class")
    target = str(told.get("target") or "")
    made: list[Json] = []
    if told.get("confusion"):
        for draw in (
            charts_classes.roc,
            charts_classes.precision_recall,
            charts_probability.calibration,
            charts_probability.lift,
            charts_probability.density,
        ):
            made += draw(told, at, wanted)
    if told.get("thresholds"):
        made += charts_classes.decision(told, at)
    for part, draw_values in (
        ("scatter", charts_values.scatter),
        ("residuals", charts_values.residuals),
        ("deciles", charts_values.deciles),
    ):
        made += draw_values(told, target) if told.get(part) else []
    return made


PARTS: dict[str, Callable[[Evaluation, Json, HttpRequest], Json]] = {
    "summary": _summary,
    "drift": _drift,
    "performance": _performance,
}
