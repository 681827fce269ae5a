"""Memory and time of an analysis' models: the Lab's questions to compute/fit.py and outlook.py."""

from dataclasses import replace
from typing import Any, NamedTuple

from recipes.tasks import data_of, table_split
from trackside.compute import fit, fit_tables, outlook
from trackside.compute.models import Gpu, UsagePeak
from trackside.compute.services import catalogue, peaks
from trackside.lab import foreseen, searching
from trackside.lab.models import Analysis
from trackside.ui.words import plural


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
        found = _of_table(analysis, model, known)
        least = foreseen.paged(analysis, model, devices(compute))
        return replace(found, paged=least if least < (found.bytes or 0) else 0)
    return fit.estimate(
        one_model(analysis.design, model),
        known.catalogue,
        images=facts,
        compute=compute,
        peaks=known.peaks,
    )


def _of_table(analysis: Analysis, model: dict[str, Any], known: Known) -> fit.Need:
    found = fit_tables.need(_table_key(analysis, model), known.peaks)
    if found.bytes is not None:
        return found
    # A search needs what one of its trainings does.
    alone = fit_tables.need(_table_key(analysis, _alone(model)), known.peaks)
    if alone.bytes is None:
        return foreseen.memory(analysis, model, found.key) or found
    return replace(alone, key=found.key)


def largest(needs: list[fit.Need]) -> fit.Need:
    """Of models that are trained one after the other; one that is not known makes all unknown."""
    if not needs:
        return fit.Need(bytes=None, basis="No model is chosen.")
    unknown = [one for one in needs if one.bytes is None]
    if unknown:
        return unknown[0]
    most = max(needs, key=lambda one: one.bytes or 0)
    least = max(one.paged or one.bytes or 0 for one in needs)
    return replace(most, paged=least if least < (most.bytes or 0) else 0)


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
        found = fit_tables.duration(_table_key(analysis, model), known.peaks)
        wish = searching.asked(analysis.design, model)
        if found["seconds"] is not None or not wish:
            return found
        one = fit_tables.duration(_table_key(analysis, _alone(model)), known.peaks)
        return _of_search(wish, model, one, analysis.design.get("split") or {})
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
    if (several := devices(compute)) > 1:
        device = f"{several} x {device}"
    split = table_split.settings(analysis.design.get("split") or {})
    own = {"params": model["params"], "split": split}
    if wish := searching.asked(analysis.design, model):
        own["search"] = wish
    return fit_tables.key(model["algorithm"], own, analysis.dataset.facts, device)


def devices(compute: dict[str, Any]) -> int:
    """How many ranks or GPUs a wish names."""
    if compute.get("kind", "cpu") == "cpu":
        return int(compute.get("ranks") or 1)
    return len(compute.get("uuids") or ()) or int(compute.get("count") or 1)


def _alone(model: dict[str, Any]) -> dict[str, Any]:
    return {**model, "searched": False}


def _of_search(
    wish: dict[str, Any], model: dict[str, Any], one: outlook.Answer, split: dict[str, Any]
) -> outlook.Answer:
    """Of a search from what one training with the params as they are set takes, its limit too."""
    fits = searching.fits(wish, model["algorithm"], split)
    limit = 60 * float(wish.get("minutes") or 0)
    if one["seconds"] is None:
        said = "No longer than the search may take, and the final model's training."
        return {"seconds": limit, "basis": said} if limit else one
    seconds = one["seconds"] * fits
    seconds = (min(seconds, limit) if limit else seconds) + one["seconds"]
    basis = f"The search fits {plural(fits, 'model')}, as if each took as long as one that was "
    return {"seconds": round(seconds, 1), "basis": basis + "trained with these settings."}


def together(times: list[outlook.Answer]) -> outlook.Answer:
    """Of models that are trained one after the other; one that is not known makes all unknown."""
    unknown = [one for one in times if one["seconds"] is None]
    if unknown or not times:
        return unknown[0] if unknown else {"seconds": None, "basis": "No model is chosen."}
    return {"seconds": round(sum(one["seconds"] for one in times), 1), "basis": times[0]["basis"]}
