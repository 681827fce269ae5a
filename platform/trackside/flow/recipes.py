"""Making and changing recipes: what they read, what they write, what they remember."""

import re
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import transaction

from recipes.tasks import TASKS
from trackside.accounts.models import User
from trackside.compute.requests import clean
from trackside.datasets import services as datasets
from trackside.datasets.models import Dataset, DatasetState
from trackside.flow import evaluating, measuring, retraining, scoring, sql_target
from trackside.flow.graph import Wiring, check
from trackside.flow.models import Recipe
from trackside.flow.trouble import BadRecipe, RecipeBusy
from trackside.jobs.states import JOB_OVER
from trackside.lab.models import Analysis
from trackside.projects.models import Project
from trackside.saved_models.models import SavedModel

NAME = re.compile(r"[^\W_][\w .\-]{0,79}")
KINDS = ("train", "score", "evaluate")


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A new recipe. `output` names the dataset that a scoring writes, if it writes one.

    An evaluation writes its `store`, its judged rows to `output` and the store's history to
    `metrics` if those are named.
    """

    name: str
    kind: str
    dataset: Dataset
    saved_model: SavedModel
    output: str = ""
    store: str = ""
    metrics: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    compute: dict[str, Any] = field(default_factory=dict)
    activate: bool = True
    analysis: Analysis | None = None


def check_name(name: str, field: str, what: str) -> str:
    """The name, or BadRecipe."""
    if not NAME.fullmatch(name):
        raise BadRecipe(
            field,
            f"{name[:80]!r} is no name for a {what}: it begins with a letter or digit and has "
            "at most 80 letters, digits, spaces, and the signs . - _.",
        )
    return name


@transaction.atomic
def create_recipe(project: Project, user: User | None, wish: Wish) -> Recipe:
    """The recipe and, for a scoring, its output. Raises BadRecipe, Cycle, BadCompute."""
    _check(project, wish)
    settings, compute = wish.settings, wish.compute
    if wish.kind == "score":
        settings = scoring.settings_of(wish.saved_model, wish.settings)
        engine = settings.get("engine", "")
        compute = scoring.on(wish.saved_model, wish.compute, wish.kind, engine)
        wish = replace(wish, output="" if scoring.writes_file(settings) else wish.output)
    elif wish.kind == "evaluate":
        check_name(wish.store, "output", "evaluation store")
        if wish.metrics.strip() and wish.metrics.strip() == wish.output.strip():
            raise BadRecipe("metrics", "The judged rows and the metrics are two datasets.")
        settings = evaluating.settings_of(wish.saved_model, wish.settings)
        compute = scoring.on(wish.saved_model, wish.compute, wish.kind)
    check(wirings(project), _wiring(wish))
    dataset = wish.kind == "score" and not scoring.writes_file(settings)
    dataset = dataset or (wish.kind == "evaluate" and bool(wish.output))
    output = _planned(project, user, wish) if dataset else None
    store = evaluating.store_of(project, user, wish.store, wish.saved_model)
    metrics = measuring.dataset_for(store, wish.metrics, user) if store else None
    return Recipe.objects.create(
        project=project,
        name=wish.name,
        kind=wish.kind,
        dataset=wish.dataset,
        saved_model=wish.saved_model,
        output=output,
        store=store,
        metrics=metrics,
        analysis=wish.analysis,
        settings=settings,
        compute=clean(compute) if compute else {},
        activate=wish.activate,
        created_by=user,
    )


def _check(project: Project, wish: Wish) -> None:
    check_name(wish.name, "name", "recipe")
    if wish.kind not in KINDS:
        raise BadRecipe(
            "kind", f"A recipe's kind is {' or '.join(KINDS)} here, not {wish.kind[:40]!r}."
        )
    if Recipe.objects.filter(project=project, name=wish.name).exists():
        raise BadRecipe("name", f"This project already has a recipe called {wish.name}.")
    card = TASKS.get(wish.saved_model.task)
    if card and wish.dataset.kind != card.data:
        raise BadRecipe(
            "inputs.dataset",
            f"{wish.saved_model} reads {card.data}; {wish.dataset} is a dataset of "
            f"{wish.dataset.get_kind_display().lower()}.",
        )


def _planned(project: Project, user: User | None, wish: Wish) -> Dataset:
    """A scoring writes a dataset of its own; one that was planned and lost its recipe is taken."""
    planned = Dataset.objects.filter(project=project, name=wish.output, state=DatasetState.PLANNED)
    before = planned.filter(written_by=None, measured_by=None).first()
    if before is not None:
        return before
    try:
        return datasets.output_dataset(project, wish.output, user)
    except datasets.BadDataset as bad:
        field = "rows" if wish.kind == "evaluate" else "output"
        raise BadRecipe(field, bad.message) from None


def wirings(project: Project) -> list[Wiring]:
    """Every recipe of the project as names, for the graph."""
    rows = Recipe.objects.filter(project=project)
    rows = rows.select_related("dataset", "saved_model", "output", "store", "metrics")
    return [
        Wiring(
            name=one.name,
            kind=one.kind,
            dataset=one.dataset.name,
            saved_model=one.saved_model.name,
            output=one.output.name if one.output else None,
            store=one.store.name if one.store else None,
            metrics=one.metrics.name if one.metrics else None,
            table=sql_target.box(one.settings) or None,
        )
        for one in rows
    ]


def _wiring(wish: Wish) -> Wiring:
    return Wiring(
        name=wish.name,
        kind=wish.kind,
        dataset=wish.dataset.name,
        saved_model=wish.saved_model.name,
        output=wish.output or None,
        store=wish.store or None,
        metrics=wish.metrics.strip() or None,
    )


@dataclass(frozen=True, kw_only=True)
class Change:
    """What to change of a recipe; None leaves it as it is."""

    settings: dict[str, Any] | None = None
    compute: dict[str, Any] | None = None
    activate: bool | None = None


def change_recipe(recipe: Recipe, change: Change) -> Recipe:
    """Runs that have begun keep what they began with. Raises BadRecipe, BadCompute."""
    if change.settings is not None:
        recipe.settings = settings_for(recipe, change.settings)
    compute = recipe.compute if change.compute is None else change.compute
    if recipe.kind != "train" and (change.settings is not None or change.compute is not None):
        engine = recipe.settings.get("engine", "")
        compute = scoring.on(recipe.saved_model, compute, recipe.kind, engine)
    if change.compute is not None:
        recipe.compute = clean(compute) if compute else {}
    if change.activate is not None:
        recipe.activate = change.activate
    recipe.save(update_fields=["settings", "compute", "activate"])
    return recipe


def settings_for(recipe: Recipe, given: dict[str, Any]) -> dict[str, Any]:
    """The settings; what is not named goes back to its default. Raises BadRecipe."""
    if recipe.kind == "train":
        return retraining.settings_of(recipe, given)
    if recipe.kind == "evaluate":
        return evaluating.settings_of(recipe.saved_model, given)
    settings = scoring.settings_of(recipe.saved_model, given)
    if scoring.writes_file(settings) != (recipe.output is None):
        now = "a dataset" if recipe.output else "a file"
        raise BadRecipe(
            "settings.output",
            f"{recipe} writes {now}, and what the Flow shows hangs on that. Make another recipe.",
        )
    return settings


@transaction.atomic
def delete_recipe(recipe: Recipe) -> None:
    """The recipe alone: what it wrote stays, unless that was never built. Raises RecipeBusy."""
    if recipe.runs.exclude(job__state__in=JOB_OVER).exists():
        raise RecipeBusy(f"{recipe} is at work. Stop its job first.")
    output, store, metrics = recipe.output, recipe.store, recipe.metrics
    recipe.delete()
    if store is not None and not store.evaluations.exists() and not store.written_by.exists():
        store.delete()
    if output is not None and output.state == DatasetState.PLANNED:
        output.delete()
    if metrics is not None:
        planned = Dataset.objects.filter(pk=metrics.pk, state=DatasetState.PLANNED)
        planned.filter(measured_by=None).delete()
