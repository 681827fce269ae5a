"""Training recipes: their settings, and what a run needs that goes on from the active version."""

from typing import Any

from recipes import going_on
from trackside.datasets import tables
from trackside.flow.models import Recipe
from trackside.flow.trouble import BadRecipe
from trackside.lab import searching
from trackside.lab.models import TrainedModel
from trackside.saved_models import bundles, queries

Json = dict[str, Any]
FIELD, REDO = "settings.warm_start", "settings.redo_search"
FLAGS = ("warm_start", "redo_search")


def settings_of(recipe: Recipe, given: Json) -> Json:
    """The settings with the flags as they are given; the rest must stay. Raises BadRecipe."""
    kept = recipe.settings
    for name, value in given.items():
        if name not in FLAGS and value != kept.get(name):
            raise BadRecipe(
                f"settings.{name}",
                "A training recipe keeps the design it was deployed with; only 'warm_start' and "
                "'redo_search' can be changed. Change the analysis in the Lab and deploy its model "
                "again.",
            )
    made = {**kept, "warm_start": wanted(kept, given)}
    return {**made, "redo_search": redone(kept, given)} if searched(kept) else made


def wanted(settings: Json, given: Json) -> bool:
    """Whether runs go on from the active version. Raises BadRecipe where they never can."""
    asked = _flag(given, "warm_start")
    if asked and (why := never(settings)):
        raise BadRecipe(FIELD, why)
    if asked and _flag(given, "redo_search"):
        raise BadRecipe(REDO, "A search begins anew: it does not go on from the active version.")
    return asked


def redone(settings: Json, given: Json) -> bool:
    """Whether runs search the params again. Raises BadRecipe where nothing was searched."""
    asked = _flag(given, "redo_search")
    if asked and not searched(settings):
        said = "The params of this training were not searched: there is no search to do again."
        raise BadRecipe(REDO, said)
    return asked


def _flag(given: Json, name: str) -> bool:
    asked = given.get(name, False)
    if not isinstance(asked, bool):
        raise BadRecipe(f"settings.{name}", f"{name!r} must be true or false, not {asked!r}.")
    return asked


def searched(settings: Json) -> Json:
    """How the params were searched: what a job's spec says of it; {} where they were not."""
    found: Json = settings.get("search") or {}
    return found


def search_in_words(settings: Json) -> str:
    """`random search, 30 trials`."""
    return searching.in_words(searched(settings), settings.get("algorithm", ""))


def asked_of(model: TrainedModel) -> Json:
    """The search of a model of the Lab as it was asked for, to be done again; {}."""
    return {name: model.search[name] for name in searching.ASKED if name in model.search}


def as_then(settings: Json, *, redo: bool) -> tuple[Json, Json]:
    """The design and the model of it that a run trains: searched again, or with what was found."""
    wish = dict(searched(settings))
    model = {
        "algorithm": settings["algorithm"],
        "params": settings["params"],
        "searched": redo,
        "space": wish.pop("space", {}),
    }
    return {**settings["design"], **({"search": wish} if wish else {})}, model


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
