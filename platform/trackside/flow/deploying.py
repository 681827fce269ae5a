"""A model of the Lab is deployed: it becomes a version, and its training a recipe."""

from django.db import transaction

from trackside.accounts.models import User
from trackside.flow import retraining, warm_start
from trackside.flow.models import Recipe
from trackside.flow.recipes import Wish, check_name, create_recipe
from trackside.flow.trouble import BadRecipe
from trackside.lab import services as lab
from trackside.lab.models import TrainedModel
from trackside.saved_models import services as saved_models
from trackside.saved_models import strategies
from trackside.saved_models.models import SavedModel


def deploy_by(trained: TrainedModel, name: str, user: User, strategy: str) -> SavedModel:
    """The same, and the version that the strategy finds is the active one. The recipe of an
    existing saved model trains this design from now on only if that is the new version: to run it
    must not bring in what has just lost.

    Raises Refused where the strategy finds none; the model is deployed all the same.
    """
    saved = deploy(trained, name, user, active=False, remembered=False)
    found = saved_models.activate(strategies.chosen(saved, strategy))
    if found.trained_model_id == trained.pk:
        _remember(saved, trained, user)
    return saved


@transaction.atomic
def deploy(
    trained: TrainedModel, name: str, user: User, *, active: bool = True, remembered: bool = True
) -> SavedModel:
    """A saved model with a first version and its training recipe; an existing one gets a version.

    The recipe remembers the design and the compute of the session, so that it can run again; one
    that is there keeps its own where this is not to be `remembered`.
    """
    analysis = trained.session.analysis
    if not trained.bundle:
        raise BadRecipe("id", f"{trained} is not trained yet: only a finished model is deployed.")
    check_name(name, "name", "saved model")
    saved = SavedModel.objects.filter(project=analysis.project, name=name).first()
    if saved is None:
        saved = saved_models.create(analysis.project, user, name, analysis.task)
    elif saved.task != analysis.task:
        raise BadRecipe("name", f"{name} is a saved model for another task, {saved.task}.")
    kept = trained.threshold
    done = saved_models.Trained(
        bundle=trained.bundle,
        metric=trained.metric,
        metrics=trained.metrics,
        facts=trained.facts | ({} if kept is None else {"threshold": kept}),
        trained_model_id=trained.pk,
        job=trained.job,
    )
    saved_models.publish_version(saved, done, user=user, active=active)
    if remembered or not saved.recipes.filter(kind="train").exists():
        _remember(saved, trained, user)
    return saved


def _remember(saved: SavedModel, trained: TrainedModel, user: User) -> Recipe:
    """The training recipe of a saved model, now with this model's design."""
    session = trained.session
    design = {
        "design": {**session.design, "target": session.analysis.target},
        "algorithm": trained.algorithm,
        "params": trained.params,
    }
    compute = lab.taken(saved.task, design, session.compute)
    if search := retraining.asked_of(trained):
        design["search"] = search
    before = Recipe.objects.filter(saved_model=saved, kind="train").first()
    if before is not None:
        flags = {name: before.settings.get(name, False) for name in retraining.FLAGS}
        flags["warm_start"] &= not warm_start.never(design)
        flags["redo_search"] &= bool(retraining.searched(design))
        on = {name: True for name, kept in flags.items() if kept}
        before.settings, before.compute = {**design, **on}, compute
        before.analysis, before.dataset = session.analysis, session.analysis.dataset
        before.save(update_fields=["settings", "compute", "analysis", "dataset"])
        return before
    wish = Wish(
        name=_free_name(saved),
        kind="train",
        dataset=session.analysis.dataset,
        saved_model=saved,
        settings=design,
        analysis=session.analysis,
    )
    recipe = create_recipe(saved.project, user, wish)
    recipe.compute = compute  # as it was: the GPUs may be gone and come back
    recipe.save(update_fields=["compute"])
    return recipe


def _free_name(saved: SavedModel) -> str:
    stem = f"train {saved.name}"[:70]
    taken = set(saved.project.recipes.values_list("name", flat=True))
    return next(
        one for one in (stem, *(f"{stem} {n}" for n in range(2, 10_000))) if one not in taken
    )
