"""The settings of a table's scoring as a form: what its card says, as it concerns the model."""

from dataclasses import replace
from typing import Any

from django.http import QueryDict

from recipes.kinds.score import SETTINGS
from recipes.params import Choice, Param, Params
from recipes.tasks import data_of
from trackside.flow import scoring
from trackside.flow.models import Recipe
from trackside.flow.trouble import BadRecipe
from trackside.jobs.kinds import card_of
from trackside.saved_models.models import SavedModel
from trackside.ui.param_forms import ParamForm, form_for

PREFIX = "set"


def for_new(form: QueryDict | None = None) -> ParamForm:
    """All settings, of a recipe whose model is not chosen yet."""
    return form_for(SETTINGS, form, prefix=PREFIX)


def for_recipe(recipe: Recipe, form: QueryDict | None = None) -> ParamForm | None:
    """The settings that this recipe has; None where it scores images."""
    if recipe.kind != "score" or data_of(recipe.saved_model.task) != "table":
        return None
    fields = tuple(made for one in SETTINGS.fields if (made := _fitting(one, recipe)) is not None)
    return form_for(Params(fields), form, initial=recipe.settings, prefix=PREFIX)


def _fitting(one: Param, recipe: Recipe) -> Param | None:
    """The field as this recipe has it; None where it has none."""
    task = recipe.saved_model.task
    if one.name == "threshold" and task != "two_class":
        return None
    if one.name == "probabilities" and task == "regression":
        return None
    if one.name == "output" and isinstance(one, Choice):
        files = tuple(option for option in one.options if option[0] != "dataset")
        return replace(one, options=files) if recipe.output is None else None
    return one


def read(form: ParamForm) -> dict[str, Any]:
    """The values. Raises BadRecipe; the form says each field's sentence."""
    if not form.is_valid():
        raise BadRecipe("settings", "The settings are not right: see below.")
    return form.values


def of_new(model: SavedModel, form: QueryDict) -> dict[str, Any]:
    """The settings of a new recipe; {} of images, whose recipe's page asks for one."""
    return read(for_new(form)) if data_of(model.task) == "table" and _asked(form) else {}


def changed(recipe: Recipe, form: QueryDict) -> dict[str, Any] | None:
    """All settings of the recipe as the form has them; None where the form has none."""
    made = for_recipe(recipe, form)
    if made is None or not _asked(form):
        return None
    return {**recipe.settings, **read(made)}


def _asked(form: QueryDict) -> bool:
    return any(name.startswith(f"{PREFIX}-") for name in form)


def cpu_only(model: SavedModel) -> str:
    """Why the form offers no GPU for this model, or nothing."""
    if data_of(model.task) != "table":
        return ""
    card = card_of(scoring.about(model))
    return f"{card.label} scores on the CPU alone." if card and not card.scores_on_gpu else ""
