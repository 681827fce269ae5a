"""Training recipes: their settings. What a warm start asks is in warm_start.py."""

from typing import Any

from recipes.tasks import TASKS
from trackside.flow import warm_start
from trackside.flow.models import Recipe
from trackside.flow.trouble import BadRecipe
from trackside.lab import searching
from trackside.lab.labels import metric_text
from trackside.lab.models import TrainedModel
from trackside.saved_models import bundles, queries

Json = dict[str, Any]
REDO = "settings.redo_search"
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
    if asked and (why := warm_start.never(settings)):
        raise BadRecipe(warm_start.FIELD, why)
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


def found_in(recipe: Recipe) -> Json:
    """The version whose search found the params that are kept, and how good they were; {}."""
    numbers = queries.searched(recipe.saved_model)
    for version in queries.versions_of(recipe.saved_model):
        told = bundles.search(version) if version.number in numbers else None
        if told is not None and told.params == recipe.settings.get("params"):
            metric = str(told.metric or version.metric)
            card = TASKS[recipe.saved_model.task].metrics.get(metric)
            label = queries.metric_label(recipe.saved_model.task, metric)
            return {"version": version, "metric": label, "score": metric_text(told.best, card)}
    return {}


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
