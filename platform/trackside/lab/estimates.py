"""Memory and time of an analysis' models: the Lab's questions to compute/fit.py and outlook.py."""

from typing import Any

from trackside.compute import fit, outlook
from trackside.compute.services import catalogue, peaks
from trackside.lab.models import Analysis


def need(analysis: Analysis, model: dict[str, Any]) -> fit.Need:
    """What one model of `analysis.design` takes on each device of the design's compute."""
    return fit.estimate(
        one_model(analysis.design, model),
        catalogue(),
        images=analysis.dataset.facts,
        compute=analysis.design.get("compute") or {},
        peaks=peaks(),
    )


def one_model(design: dict[str, Any], model: dict[str, Any]) -> dict[str, Any]:
    """The design as if this were its only model."""
    training = {**design["training"], **model.get("training", {})}
    return {**design, **model, "training": training}


def seconds(analysis: Analysis, model: dict[str, Any]) -> outlook.Answer:
    """How long one model takes at most, when a like one is known."""
    return outlook.duration(
        one_model(analysis.design, model),
        catalogue(),
        images=analysis.dataset.facts,
        compute=analysis.design.get("compute") or {},
        peaks=peaks(),
    )
