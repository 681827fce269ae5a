"""What happens in the Flow: a model is deployed, a recipe runs, its outcome is published."""

from dataclasses import dataclass
from typing import Any

from django.db import transaction

from trackside.accounts.models import User
from trackside.accounts.services import audit
from trackside.datasets import holding
from trackside.datasets.models import Dataset, DatasetState
from trackside.flow import evaluating, kept_threshold, reading, retraining, scoring, warm_start
from trackside.flow.deploying import deploy, deploy_by
from trackside.flow.models import Recipe, Run
from trackside.flow.recipes import (
    Change,
    Wish,
    change_recipe,
    create_recipe,
    delete_recipe,
    settings_for,
)
from trackside.flow.scoring import publish_scoring
from trackside.flow.trouble import BadRecipe, RecipeBusy
from trackside.jobs import services as jobs
from trackside.jobs.models import Attempt, Job
from trackside.jobs.states import JOB_OVER
from trackside.lab import estimates, second_dataset
from trackside.lab import services as lab
from trackside.lab.models import Analysis
from trackside.saved_models import bundles, queries
from trackside.saved_models import services as saved_models
from trackside.saved_models.models import SavedModel, Version

SEED = 1337

__all__ = [
    "BadRecipe",
    "Change",
    "Once",
    "RecipeBusy",
    "Wish",
    "change_recipe",
    "create_recipe",
    "delete_recipe",
    "deploy",
    "deploy_by",
    "publish_scoring",
    "publish_training",
    "run_recipe",
]


@dataclass(frozen=True)
class Once:
    """What one run does otherwise than its recipe says; null, or a setting not named: as it says.

    `warm_start`, `redo_search` and `activate` (of the version it makes) are a training's,
    `settings` a scoring's.
    """

    warm_start: bool | None = None
    activate: bool | None = None
    settings: dict[str, Any] | None = None
    redo_search: bool | None = None


@transaction.atomic
def run_recipe(
    recipe: Recipe,
    user: User | None,
    compute: dict[str, Any] | None = None,
    *,
    click_id: str | None = None,
    once: Once | None = None,
) -> Job:
    """A job for this recipe, with its own compute and settings or with others, this time only.

    Raises BadRecipe, BadCompute, RecipeBusy.
    """
    held = Recipe.objects.select_for_update(of=("self",)).get(pk=recipe.pk)
    again = _clicked(held, user, click_id)
    if again is not None:
        return again
    busy = held.runs.exclude(job__state__in=JOB_OVER).first()
    if busy is not None:
        raise RecipeBusy(f"{held} is at work as job {busy.job_id}. Wait for it or stop it.")
    once = once or Once()
    _of_a_training(held, once)
    if once.settings and held.kind == "score":
        held.settings = settings_for(held, {**held.settings, **once.settings})
    wanted = compute or held.compute or {"kind": "cpu"}
    if held.kind == "train":
        wanted = lab.placed(held.saved_model.task, [held.settings], wanted)
    else:
        engine = held.settings.get("engine", "")
        wanted = scoring.on(held.saved_model, wanted, held.kind, engine)
    version = None if held.kind == "train" else _active(held.saved_model)
    job = jobs.submit(
        project=held.project,
        user=user,
        kind=held.kind,
        title=_title(held),
        compute=wanted,
        click_id=click_id,
        **(_training(held, wanted, once) if version is None else _scoring(held, version)),
    )
    Run.objects.create(recipe=held, job=job, version=version, activate=once.activate)
    if isinstance(into := job.spec.get("output"), dict):
        where = ".".join(filter(None, (into["schema"], into["table"])))
        said = f"{held.project.key}/{held} to {into['name']}: {into['mode']} {where}"
        audit(user, "writes to a database", said)
    if held.output is not None:
        held.output.job = job
        held.output.save(update_fields=["job"])
    return job


def _of_a_training(recipe: Recipe, once: Once) -> None:
    """Raises BadRecipe for what only a training can be told."""
    lacks = {
        "warm_start": "it has no warm start",
        "redo_search": "it has no search",
        "activate": "it makes no version",
    }
    for name, why in lacks.items():
        if recipe.kind != "train" and getattr(once, name):
            raise BadRecipe(name, f"{recipe} trains nothing: {why}.")


def _clicked(recipe: Recipe, user: User | None, click_id: str | None) -> Job | None:
    if not click_id or user is None:
        return None
    run = recipe.runs.filter(job__created_by=user, job__click_id=click_id).first()
    return run.job if run else None


def _title(recipe: Recipe) -> str:
    if recipe.kind == "train":
        return f"Retrain {recipe.saved_model}"
    if recipe.kind == "evaluate":
        return f"Evaluate {recipe.saved_model} on {recipe.dataset}"
    return f"Score {recipe.dataset} with {recipe.saved_model}"


def _active(saved: SavedModel) -> Version:
    version = queries.active_version(saved)
    if version is None:
        raise BadRecipe(
            "inputs.saved_model", f"{saved} has no version yet. Run its training recipe first."
        )
    return version


def _ready(dataset: Dataset) -> Dataset:
    if dataset.state != DatasetState.READY:
        state = dataset.get_state_display().lower()
        raise BadRecipe("inputs.dataset", f"{dataset} cannot be read yet: it is {state}.")
    return dataset


def _training(recipe: Recipe, compute: dict[str, Any], once: Once) -> dict[str, Any]:
    """The Lab freezes the remembered design as if it had just been clicked on today's data."""
    kept = recipe.settings
    asked = {"warm_start": once.warm_start, "redo_search": once.redo_search}
    asked = {name: kept.get(name, False) if one is None else one for name, one in asked.items()}
    warm, redo = retraining.wanted(kept, asked), retraining.redone(kept, asked)
    design, model = retraining.as_then(kept, redo=redo)
    as_then = Analysis(
        project=recipe.project,
        name=recipe.analysis.name if recipe.analysis else recipe.name,
        dataset=_ready(recipe.dataset),  # asked first: else the second one is judged by no columns
        task=recipe.saved_model.task,
        target=design.get("target", "label"),
        design={**design, "compute": compute},
    )
    second_dataset.hold(as_then)
    _ready(as_then.dataset)
    spec = lab.freeze(as_then, model)
    if warm:
        spec |= warm_start.before(recipe, spec)
    return {
        "spec": spec,
        "needs": estimates.need(as_then, model),
        "seed": design.get("runtime", {}).get("seed", SEED),
    }


def _scoring(recipe: Recipe, version: Version) -> dict[str, Any]:
    dataset = _ready(holding.held(recipe.dataset))
    if sentence := reading.trouble(dataset, version):
        raise BadRecipe("inputs.dataset", sentence)
    if recipe.kind != "evaluate":
        return {"spec": scoring.spec_of(recipe, version, holding.source(dataset))}
    if sentence := evaluating.trouble(dataset, version):
        raise BadRecipe("inputs.dataset", sentence)
    return {"spec": evaluating.spec_of(recipe, version, holding.source(dataset))}


def publish_training(job: Job, attempt: Attempt, result: dict[str, Any]) -> None:
    """A retrained model is a new version of its saved model; any other training is the Lab's."""
    run = Run.objects.filter(job=job).select_related("recipe__saved_model").first()
    if run is None:
        lab.publish_training(job, attempt, result)
        return
    done = saved_models.Trained(
        bundle=f"models/job-{job.pk}",
        metric=str(result.get("metric", "")),
        metrics=result.get("metrics") or {},
        facts=result.get("facts") or {},
        job=job,
    )
    recipe = run.recipe
    active = recipe.activate if run.activate is None else run.activate
    run.version = saved_models.publish_version(
        recipe.saved_model, kept_threshold.onto(recipe, done), user=job.created_by, active=active
    )
    run.save(update_fields=["version"])
    if job.spec.get("search"):  # what was found is what later runs keep
        found = bundles.about(bundles.folder(run.version)).get("params")
        recipe.settings["params"] = found or recipe.settings["params"]
        recipe.save(update_fields=["settings"])
    result["output"] = recipe.saved_model.name
    result["version"] = run.version.number
