"""A training recipe made from an analysis before any of its models was deployed."""

from typing import Any

from trackside.accounts.models import User
from trackside.flow import retraining
from trackside.flow.recipes import Wish, check_name
from trackside.flow.trouble import BadRecipe
from trackside.lab import searching
from trackside.lab.models import Analysis
from trackside.saved_models import services as saved_models
from trackside.saved_models.models import SavedModel


def from_analysis(  # noqa: PLR0913 - what a recipe is made of
    analysis: Analysis,
    user: User | None,
    *,
    name: str,
    output: str,
    compute: dict[str, Any],
    activate: bool = True,
    settings: dict[str, Any] | None = None,
) -> Wish:
    """A wish for a recipe that trains the analysis' first model that is on into `output`."""
    models = analysis.design.get("models") or []
    if not models:
        raise BadRecipe("inputs.analysis", f"{analysis} has no model to train yet.")
    first = next((one for one in models if one.get("on", True)), models[0])
    check_name(output, "output", "saved model")
    saved = SavedModel.objects.filter(project=analysis.project, name=output).first()
    if saved is not None and saved.recipes.filter(kind="train").exists():
        raise BadRecipe("output", f"{output} already has a training recipe. Choose another name.")
    if saved is None:
        saved = saved_models.create(analysis.project, user, output, analysis.task)
    kept = {
        "design": {**analysis.design, "target": analysis.target},
        "algorithm": first["algorithm"],
        "params": first.get("params", {}),
    }
    wish = searching.asked(analysis.design, first)
    if wish:
        kept["search"] = wish
    for name in (settings or {}).keys() - set(retraining.FLAGS):
        said = f"A training has no setting {name!r}; it has {' and '.join(retraining.FLAGS)}."
        raise BadRecipe(f"settings.{name}", said)
    flags = {"redo_search": bool(wish), **(settings or {})}  # nothing has been found yet
    if retraining.wanted(kept, flags):
        kept["warm_start"] = True
    if retraining.redone(kept, flags):
        kept["redo_search"] = True
    return Wish(
        name=name,
        kind="train",
        dataset=analysis.dataset,
        saved_model=saved,
        settings=kept,
        compute=compute or analysis.design.get("compute", {}),
        activate=activate,
        analysis=analysis,
    )
