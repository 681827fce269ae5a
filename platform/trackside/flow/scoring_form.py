"""The settings of a table's scoring as a form: what its card says, as it concerns the model."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from django.http import QueryDict

from recipes.kinds.score import SETTINGS
from recipes.params import Choice, Param, Params
from recipes.scorers import SCORERS
from recipes.tasks import data_of
from trackside.connections.access import usable
from trackside.flow import scoring
from trackside.flow.models import Recipe
from trackside.flow.trouble import BadRecipe
from trackside.jobs import engines
from trackside.jobs.kinds import card_of
from trackside.projects.models import Project
from trackside.saved_models.models import SavedModel, Version
from trackside.ui.param_forms import ParamForm, form_for

PREFIX = "set"
OUTPUTS = {  # said where it can be chosen
    "dataset": "a dataset stands in the Flow and is replaced by each run",
    "csv": "a file is kept with its job, to download",
    "sql": "a table lies in a database",
}


def for_new(project: Project, form: QueryDict | None = None) -> ParamForm:
    """All settings, of a recipe whose model is not chosen yet."""
    offered = _connections(project)
    fields = SETTINGS.fields if offered else _without_sql(SETTINGS.fields)
    return form_for(
        Params(fields),
        form,
        prefix=PREFIX,
        catalogue={"connections": offered},
        barred=_barred(fields),
    )


def _connections(project: Project) -> list[tuple[str, str]]:
    names = usable(project).filter(writable=True).values_list("name", flat=True)
    return [(name, name) for name in names]


def _without_sql(fields: tuple[Param, ...]) -> tuple[Param, ...]:
    """No database may be written to: nothing of it is offered."""
    return tuple(
        _options(one, "sql") if one.name == "output" else one
        for one in fields
        if one.name not in scoring.OF_SQL
    )


def _options(one: Param, *without: str) -> Param:
    if not isinstance(one, Choice):
        return one
    made = replace(one, options=tuple(told for told in one.options if told[0] not in without))
    if one.name != "output":
        return made
    there = {value for value, _, _ in made.options}
    said = "; ".join(text for value, text in OUTPUTS.items() if value in there)
    return replace(made, help=f"{said[:1].upper()}{said[1:]}.")


def for_recipe(recipe: Recipe, form: QueryDict | None = None) -> ParamForm | None:
    """The settings that this recipe has; None where it scores images."""
    if recipe.kind != "score" or data_of(recipe.saved_model.task) != "table":
        return None
    fields = tuple(made for one in SETTINGS.fields if (made := _fitting(one, recipe)) is not None)
    offered, kept = _connections(recipe.project), str(recipe.settings.get("connection") or "")
    if kept and (kept, kept) not in offered:  # the form must not choose another one by itself
        offered.append((kept, f"{kept} (not to be written to)"))
    fields = fields if offered and recipe.output is None else _without_sql(fields)
    return form_for(
        Params(fields),
        form,
        initial=recipe.settings,
        prefix=PREFIX,
        catalogue={"connections": offered},
        barred=_barred(fields),
    )


def _barred(fields: tuple[Param, ...]) -> dict[str, dict[str, str]]:
    """Engines whose library no machine has."""
    named = next((one for one in fields if one.name == "engine"), None)
    if not isinstance(named, Choice):
        return {}
    values = [value for value, _, _ in named.options]
    return {"engine": engines.lacking([one for one in engines.of("") if one.name in values])}


def takers(model: SavedModel) -> list[str]:
    """The engines that may take this model, beside its own library."""
    return _takers(_algorithm(model))


def cpu_only(model: SavedModel) -> str:
    """Why the form offers no GPU for this model, or nothing."""
    return _cpu_only(_algorithm(model))


def offers(models: list[SavedModel]) -> dict[str, dict[str, Any]]:
    """By model what a new recipe offers: `engines` and `cpu_only`, as above."""
    versions = Version.objects.filter(saved_model__in=models, active=True)
    active = {one.saved_model_id: one for one in versions}
    only = cache(_cpu_only)  # the machines are asked once an algorithm
    learned = {one.name: _algorithm(one, active.get(one.pk)) for one in models}
    return {
        name: {"engines": _takers(algorithm), "cpu_only": only(algorithm)}
        for name, algorithm in learned.items()
    }


def _algorithm(model: SavedModel, version: Version | None = None) -> str | None:
    """What learned the version, by default the active one; "": not known; None: of images."""
    if data_of(model.task) != "table":
        return None
    return str(scoring.about(model, version)["algorithm"])


def _takers(algorithm: str | None) -> list[str]:
    return [] if algorithm is None else [one.name for one in engines.of(algorithm)]


def _cpu_only(algorithm: str | None) -> str:
    card = card_of({"algorithm": algorithm or ""})
    return "" if card is None or engines.on_gpu(card) else f"{card.label} scores on the CPU alone."


def _fitting(one: Param, recipe: Recipe) -> Param | None:
    """The field as this recipe has it; None where it has none."""
    task = recipe.saved_model.task
    if one.name == "threshold":
        return _of_class(one, recipe) if task == "two_class" else None
    if one.name == "probabilities" and task == "regression":
        return None
    if one.name == "engine":
        kept = takers(recipe.saved_model)
        return _options(one, *(set(SCORERS) - set(kept))) if kept else None
    if one.name == "output":
        return _options(one, "dataset") if recipe.output is None else None
    return one


def _of_class(one: Param, recipe: Recipe) -> Param:
    """Its help names the class."""
    name = scoring.positive(recipe.saved_model)
    said = f"{name}, the positive class, is predicted from this probability on."
    return replace(one, help=said) if name else one


def read(form: ParamForm) -> dict[str, Any]:
    """The values. Raises BadRecipe; the form says each field's sentence."""
    if not form.is_valid():
        raise BadRecipe("settings", "The settings are not right: see below.")
    return form.values


def tell(form: ParamForm | None, errors: Mapping[str, str]) -> None:
    """Sentences that a recipe's checks said stand beside their fields."""
    for field, sentence in errors.items():
        name = field.removeprefix("settings.")
        if form is not None and name != field and name in form.fields:
            form.add_error(name, sentence)


def of_new(model: SavedModel, form: QueryDict) -> dict[str, Any]:
    """The settings of a new recipe; {} of images, whose recipe's page asks for one."""
    return (
        read(for_new(model.project, form))
        if data_of(model.task) == "table" and _asked(form)
        else {}
    )


def changed(recipe: Recipe, form: QueryDict) -> dict[str, Any] | None:
    """All settings of the recipe as the form has them; None where the form has none."""
    made = for_recipe(recipe, form)
    if made is None or not _asked(form):
        return None
    return {**recipe.settings, **read(made)}


def _asked(form: QueryDict) -> bool:
    return any(name.startswith(f"{PREFIX}-") for name in form)
