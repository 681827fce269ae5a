"""Memory and time of an analysis' models: the Lab's questions to compute/fit.py and outlook.py."""

from typing import Any, NamedTuple

from recipes.tasks import data_of
from trackside.compute import fit, fit_tables, outlook
from trackside.compute.models import Gpu, UsagePeak
from trackside.compute.services import catalogue, peaks
from trackside.lab.models import Analysis


class Known(NamedTuple):
    """What the nodes have told: read once for many questions."""

    catalogue: dict[str, Any]
    peaks: list[UsagePeak]


def know() -> Known:
    return Known(catalogue(), peaks())


def need(analysis: Analysis, model: dict[str, Any], known: Known | None = None) -> fit.Need:
    """What one model of `analysis.design` takes on each device of the design's compute."""
    known = known or know()
    facts, compute = analysis.dataset.facts, analysis.design.get("compute") or {}
    if data_of(analysis.task) == "table":
        return fit_tables.need(_table_key(analysis, model), known.peaks)
    return fit.estimate(
        one_model(analysis.design, model),
        known.catalogue,
        images=facts,
        compute=compute,
        peaks=known.peaks,
    )


def largest(needs: list[fit.Need]) -> fit.Need:
    """Of models that are trained one after the other; one that is not known makes all unknown."""
    if not needs:
        return fit.Need(bytes=None, basis="No model is chosen.")
    unknown = [one for one in needs if one.bytes is None]
    return unknown[0] if unknown else max(needs, key=lambda one: one.bytes or 0)


def one_model(design: dict[str, Any], model: dict[str, Any]) -> dict[str, Any]:
    """The design as if this were its only model."""
    training = {**design["training"], **model.get("training", {})}
    return {**design, **model, "training": training}


def seconds(
    analysis: Analysis, model: dict[str, Any], known: Known | None = None
) -> outlook.Answer:
    """How long one model takes when a like one is known: pictures at most, a table about."""
    known = known or know()
    facts, compute = analysis.dataset.facts, analysis.design.get("compute") or {}
    if data_of(analysis.task) == "table":
        return fit_tables.duration(_table_key(analysis, model), known.peaks)
    return outlook.duration(
        one_model(analysis.design, model),
        known.catalogue,
        images=facts,
        compute=compute,
        peaks=known.peaks,
    )


def _table_key(analysis: Analysis, model: dict[str, Any]) -> str:
    compute = analysis.design.get("compute") or {}
    device = "cpu" if compute.get("kind", "cpu") == "cpu" else "cuda"
    if compute.get("uuids"):
        rows = Gpu.objects.filter(uuid__in=compute["uuids"])
        device = ", ".join(sorted(set(rows.values_list("name", flat=True)))) or device
    own = {"params": model["params"], "split": analysis.design.get("split")}
    return fit_tables.key(model["algorithm"], own, analysis.dataset.facts, device)


def together(times: list[outlook.Answer]) -> outlook.Answer:
    """Of models that are trained one after the other; one that is not known makes all unknown."""
    unknown = [one for one in times if one["seconds"] is None]
    if unknown or not times:
        return unknown[0] if unknown else {"seconds": None, "basis": "No model is chosen."}
    return {"seconds": round(sum(one["seconds"] for one in times), 1), "basis": times[0]["basis"]}
