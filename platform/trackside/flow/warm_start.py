"""Warm start: what speaks against going on from the active version, before a job begins."""

from typing import Any

from recipes import going_on
from recipes.tasks import data_of
from trackside.compute import fit
from trackside.compute.services import catalogue
from trackside.datasets import tables
from trackside.datasets.models import Dataset
from trackside.flow.models import Recipe
from trackside.flow.trouble import BadRecipe
from trackside.saved_models import bundles, queries

Json = dict[str, Any]
FIELD = "settings.warm_start"
HELD = ("val", "test")  # parts of a dataset that no training learns from


def never(settings: Json) -> str:
    """Why a training with these settings cannot go on from any model; "" if it may."""
    split = settings.get("design", {}).get("split", {})
    return going_on.never(settings.get("algorithm", ""), split)


def how(settings: Json) -> str:
    """What a training with these settings does that goes on."""
    return going_on.how(settings.get("algorithm", ""))


def before(recipe: Recipe, spec: Json) -> Json:
    """What the spec gets to go on from the active version; nothing while there is none.

    Raises BadRecipe, BundleGone.
    """
    version = queries.active_version(recipe.saved_model)
    if version is None:
        return {}
    place = bundles.folder(version)
    about = bundles.about(place)
    if data_of(spec["task"]) == "images":
        why = _of_pictures(about, spec, recipe.dataset)
    else:
        why = going_on.trouble(about, spec, tables.types(recipe.dataset))
    if why:
        raise BadRecipe(FIELD, f"{recipe} cannot go on from version {version.number}. {why}")
    return {"goes_on_from": {"bundle": str(place), "version": version.number}}


def _of_pictures(about: Json, spec: Json, dataset: Dataset) -> str:
    here = _classes(dataset.facts, spec["split"])
    return (
        going_on.of_pictures(about, spec)
        or going_on.unlike(about.get("classes") or [], here, "dataset")
        or _size(about, spec["params"])
    )


def _classes(facts: Json, split: Json) -> list[str]:
    """Those that the training learns: of the dataset's own parts only what is not held back."""
    counts = facts.get("by_split") or {one["name"]: {} for one in facts.get("classes") or []}
    parts = {part for found in counts.values() for part in found}
    own = split.get("policy", "folders") == "folders" and parts.intersection(HELD)
    if not own or not parts.difference(HELD):
        return sorted(label for label in counts if label)
    return sorted(label for label, found in counts.items() if label and set(found) - set(HELD))


def _size(about: Json, params: Json) -> str:
    """Where a machine has described the backbone; else the job says it."""
    net = fit.entry(catalogue(), params["backbone"])
    if not net or not params["image_size"] or not about.get("image"):
        return ""
    return going_on.other_size(about["image"]["size"], fit.side(net, params, {}))
