"""What stands around results: the analysis of a trained model, the saved model of a version."""

from typing import Any

from django.urls import reverse

from trackside.lab import queries
from trackside.lab.entrants import Entrant
from trackside.lab.models import TrainedModel
from trackside.lab.pages import frame
from trackside.projects.access import may_edit
from trackside.projects.models import Project
from trackside.saved_models.models import Version
from trackside.saved_models.queries import saved_models_of, score_of, versions_of

Json = dict[str, Any]
LISTED = 8  # of the newest versions


def around(project: Project, model: Entrant, tab: str) -> Json:
    """What templates/lab/model.html shows beside the tab."""
    if model.version is not None:
        return _flow(project, model, model.version, tab)
    return _lab(project, model, model.model, tab) if model.model is not None else {}


def _lab(project: Project, model: Entrant, trained: TrainedModel, tab: str) -> Json:
    session, key = trained.session, project.key
    return {
        **frame(project, session.analysis),
        "around": "lab/analysis.html",
        "place": "results",
        "heading": model.title,
        "within": session.analysis.name,
        "back": reverse("session", args=[key, session.analysis.name, session.number]),
        "back_to": session.name,
        "siblings": [
            {
                "name": one.label,
                "address": reverse("trained_model", args=[key, one.pk, tab]),
                "score": one.score,
                "metric": one.metric,
                "shown": one.pk == trained.pk,
            }
            for one in queries.session_models(session)
            if one.bundle
        ],
        "document": reverse("trained_model_document", args=[key, trained.pk]),
        "trained": trained,
        "deploy_name": _saved_name(trained),
        "saved_names": saved_models_of(project).values_list("name", flat=True),
    }


def _saved_name(trained: TrainedModel) -> str:
    """What to suggest: the saved model of an earlier deployment of this analysis, else its name."""
    analysis = trained.session.analysis
    recipe = analysis.recipes.select_related("saved_model").order_by("-pk").first()
    return recipe.saved_model.name if recipe else analysis.name


def _flow(project: Project, model: Entrant, version: Version, tab: str) -> Json:
    saved, key = version.saved_model, project.key
    return {
        "project": project,
        "task": model.card,
        "may_edit": may_edit(project),
        "around": "lab/version.html",
        "saved": saved,
        "heading": f"{saved.name}, version {version.number}",
        "within": project.name,
        "back": reverse("saved_model", args=[key, saved.name]),
        "back_to": "All versions",
        "siblings": [
            {
                "name": f"Version {one.number}",
                "address": reverse("version_results", args=[key, saved.name, one.number, tab]),
                "score": score_of(one),
                "metric": one.metric,
                "shown": one.pk == version.pk,
                "active": one.active,
            }
            for place, one in enumerate(versions_of(saved))
            if place < LISTED or one.active or one.pk == version.pk
        ],
        "document": reverse("version_document", args=[key, saved.name, version.number]),
    }
