"""Training recipes: their settings, and what a run needs that goes on from the active version."""

from typing import Any

from recipes import going_on
from trackside.datasets import tables
from trackside.flow.models import Recipe
from trackside.flow.trouble import BadRecipe
from trackside.saved_models import bundles, queries

Json = dict[str, Any]
FIELD = "settings.warm_start"


def settings_of(recipe: Recipe, given: Json) -> Json:
    """The settings with `warm_start` as it is given; the rest must stay. Raises BadRecipe."""
    for name, value in given.items():
        if name != "warm_start" and value != recipe.settings.get(name):
            raise BadRecipe(
                f"settings.{name}",
                "A training recipe keeps the design it was deployed with; only 'warm_start' can be "
                "changed. Change the analysis in the Lab and deploy its model again.",
            )
    return {**recipe.settings, "warm_start": wanted(recipe.settings, given)}


def wanted(settings: Json, given: Json) -> bool:
    """Whether runs go on from the active version. Raises BadRecipe where they never can."""
    asked = given.get("warm_start", False)
    if not isinstance(asked, bool):
        raise BadRecipe(FIELD, f"'warm_start' must be true or false, not {asked!r}.")
    if asked and (why := never(settings)):
        raise BadRecipe(FIELD, why)
    return asked


def never(settings: Json) -> str:
    """Why a training with these settings cannot go on from any model; "" if it may."""
    split = settings.get("design", {}).get("split", {})
    return going_on.never(settings.get("algorithm", ""), split)


def before(recipe: Recipe, spec: Json) -> Json:
    """What the spec gets to go on from the active version; nothing while there is none.

    Raises BadRecipe, BundleGone.
    """
    version = queries.active_version(recipe.saved_model)
    if version is None:
        return {}
    place = bundles.folder(version)
    why = going_on.trouble(bundles.about(place), spec, tables.types(recipe.dataset))
    if why:
        raise BadRecipe(FIELD, f"{recipe} cannot go on from version {version.number}. {why}")
    return {"goes_on_from": {"bundle": str(place), "version": version.number}}
