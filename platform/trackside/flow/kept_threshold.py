"""The threshold that a person kept for a version stays when its model is trained again."""

from dataclasses import replace

from trackside.datasets import storage
from trackside.flow.models import Recipe
from trackside.lab import reports, thresholds
from trackside.saved_models import bundles, queries
from trackside.saved_models.models import Version
from trackside.saved_models.services import Trained


def before(recipe: Recipe) -> Version | None:
    """The active version, where somebody kept a threshold for it."""
    if recipe.kind != "train":
        return None
    version = queries.active_version(recipe.saved_model)
    return version if version and version.facts.get("threshold") is not None else None


def onto(recipe: Recipe, done: Trained) -> Trained:
    """What a run made, with that threshold and its metrics there.

    With its own one where the positive class is another one by now, or there is none.
    """
    version, place = before(recipe), storage.root() / done.bundle
    report = reports.read(place)
    if version is None or not report.get("thresholds"):
        return done
    known = bundles.about(storage.root() / version.bundle).get("classes")
    if known and known != bundles.about(place).get("classes"):
        return done
    threshold = version.facts["threshold"]
    metrics = thresholds.applied(report, threshold)["metrics"]
    return replace(
        done,
        metrics={**done.metrics, **metrics},
        facts={**done.facts, "threshold": threshold},
    )
