"""The threshold that is kept for a model of two classes, in place of its own.

A bundle never changes: the threshold stands beside it, goes with a deployment, and the model's
metrics are those at it from then on.
"""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from trackside.accounts.models import User
from trackside.accounts.services import audit
from trackside.lab import reports, thresholds
from trackside.lab.models import TrainedModel
from trackside.lab.trouble import BadDesign, Refused

Json = dict[str, Any]


def bundle_of(model: TrainedModel) -> Path:
    return Path(settings.TRACKSIDE_STORAGE) / model.bundle


def report_of(model: TrainedModel) -> Json:
    """The bundle's report at the threshold in use; {} where it is not there or torn."""
    report = reports.read(bundle_of(model)) if model.bundle else {}
    return thresholds.applied(report, model.threshold) if report else {}


@transaction.atomic
def keep_threshold(model: TrainedModel, threshold: float | None, user: User | None) -> None:
    """None goes back to the model's own. Raises BadDesign, Refused."""
    held = TrainedModel.objects.select_for_update().get(pk=model.pk)
    report = reports.read(bundle_of(held)) if held.bundle else {}
    own = report.get("threshold")
    if own is None or not report.get("thresholds"):
        raise Refused(f"{held} has no threshold: only a trained model of two classes has one.")
    known = [one["threshold"] for one in report["thresholds"]]
    if threshold is not None and threshold not in known:
        said = f"A threshold is a number from 0 to 1 in steps of 0.01, not {threshold:g}."
        raise BadDesign({"threshold": said})
    held.threshold = None if threshold == own else threshold
    held.metrics = {**held.metrics, **thresholds.applied(report, threshold)["metrics"]}
    held.score = held.metrics.get(held.metric, held.score)
    held.save(update_fields=["threshold", "metrics", "score"])
    model.threshold, model.metrics, model.score = held.threshold, held.metrics, held.score
    shown = f"{own:g}, its own" if held.threshold is None else f"{held.threshold:g}"
    analysis = held.session.analysis
    audit(user, "threshold kept", f"{analysis.project.key}/{analysis.name}/{held}: {shown}")
