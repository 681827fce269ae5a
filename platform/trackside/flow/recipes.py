"""Making and changing recipes: what they read, what they write, what they remember."""

import re
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from recipes.tasks import TASKS
from trackside.accounts.models import User
from trackside.compute.requests import clean
from trackside.datasets import services as datasets
from trackside.datasets.models import Dataset, DatasetState
from trackside.flow.graph import Wiring, check
from trackside.flow.models import Recipe
from trackside.jobs.states import JOB_OVER
from trackside.lab.models import Analysis
from trackside.projects.models import Project
from trackside.saved_models.models import SavedModel

NAME = re.compile(r"^[^\W_][\w .\-]{0,79}$")
KINDS = ("train", "score")
BATCH = (1, 4096)


class BadRecipe(Exception):
    """The recipe cannot be as it was asked for. `field` is where to show the sentence."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


class RecipeBusy(Exception):
    """The recipe is at work."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A new recipe. `output` names the dataset that a scoring writes."""

    name: str
    kind: str
    dataset: Dataset
    saved_model: SavedModel
    output: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    compute: dict[str, Any] = field(default_factory=dict)
    activate: bool = True
    analysis: Analysis | None = None


def check_name(name: str, field: str, what: str) -> str:
    """The name, or BadRecipe."""
    if not NAME.match(name):
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
    check(wirings(project), _wiring(wish))
    output = _planned(project, user, wish) if wish.kind == "score" else None
    return Recipe.objects.create(
        project=project,
        name=wish.name,
        kind=wish.kind,
        dataset=wish.dataset,
        saved_model=wish.saved_model,
        output=output,
        analysis=wish.analysis,
        settings=_settings(wish.kind, wish.settings),
        compute=clean(wish.compute) if wish.compute else {},
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


def _settings(kind: str, given: dict[str, Any]) -> dict[str, Any]:
    if kind == "train":
        return given
    batch = given.get("batch", 32)
    for name in given.keys() - {"batch"}:
        raise BadRecipe(f"settings.{name}", f"A scoring has no setting {name!r}; it has batch.")
    if isinstance(batch, bool) or not isinstance(batch, int) or not BATCH[0] <= batch <= BATCH[1]:
        raise BadRecipe(
            "settings.batch",
            f"'batch' must be a whole number from {BATCH[0]} to {BATCH[1]}, not {batch!r}.",
        )
    return {"batch": batch}


def _planned(project: Project, user: User | None, wish: Wish) -> Dataset:
    """A scoring writes a dataset of its own; one that was planned and lost its recipe is taken."""
    planned = Dataset.objects.filter(project=project, name=wish.output, state=DatasetState.PLANNED)
    before = planned.filter(written_by=None).first()
    if before is not None:
        return before
    try:
        return datasets.output_dataset(project, wish.output, user)
    except datasets.BadDataset as bad:
        raise BadRecipe("output", bad.message) from None


def wirings(project: Project) -> list[Wiring]:
    """Every recipe of the project as names, for the graph."""
    rows = Recipe.objects.filter(project=project).select_related("dataset", "saved_model", "output")
    return [
        Wiring(
            name=one.name,
            kind=one.kind,
            dataset=one.dataset.name,
            saved_model=one.saved_model.name,
            output=one.output.name if one.output else None,
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
        if recipe.kind == "train":
            raise BadRecipe(
                "settings",
                "A training recipe keeps the design it was deployed with. Change the analysis "
                "in the Lab and deploy its model again.",
            )
        recipe.settings = _settings(recipe.kind, change.settings)
    if change.compute is not None:
        recipe.compute = clean(change.compute) if change.compute else {}
    if change.activate is not None:
        recipe.activate = change.activate
    recipe.save(update_fields=["settings", "compute", "activate"])
    return recipe


@transaction.atomic
def delete_recipe(recipe: Recipe) -> None:
    """The recipe alone: what it wrote stays, unless that was never built. Raises RecipeBusy."""
    if recipe.runs.exclude(job__state__in=JOB_OVER).exists():
        raise RecipeBusy(f"{recipe} is at work. Stop its job first.")
    output = recipe.output
    recipe.delete()
    if output is not None and output.state == DatasetState.PLANNED:
        output.delete()
