"""Saved models and their versions; deploying a trained model."""

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from trackside.accounts.gate import caller
from trackside.accounts.services import audit
from trackside.api.failures import Failure
from trackside.api.paging import page
from trackside.flow import queries as flow
from trackside.flow.models import Recipe
from trackside.flow.services import deploy as deploy_to_flow
from trackside.flow.services import deploy_by
from trackside.lab.models import TrainedModel
from trackside.projects.access import project_for, row
from trackside.projects.models import Role
from trackside.saved_models import bundles, queries, services, strategies
from trackside.saved_models.models import SavedModel, Version
from trackside.ui.streaming import streamed


def deploy(
    request: HttpRequest,
    body: dict[str, Any],
    key: str,
    id: int,  # noqa: A002 - named in the address
) -> dict[str, Any]:
    user = caller(request)
    project = project_for(user, key, Role.EDITOR)
    trained = row(project, TrainedModel, through="session__analysis__project", pk=id)
    if "strategy" not in body:
        saved = deploy_to_flow(trained, body["name"], user, active=body.get("activate", True))
    elif "activate" in body:
        said = "Say either whether the version is to be active, or a strategy that finds which is."
        raise Failure(422, "invalid", said, "strategy")
    else:
        saved = deploy_by(trained, body["name"], user, body["strategy"])
    newest = queries.versions_of(saved)[0]
    recipe = Recipe.objects.get(saved_model=saved, kind="train")
    return {
        "saved_model": queries.saved_model_snapshot(saved),
        "version": newest.number,
        "recipe": flow.snapshot(recipe),
    }


def listed(request: HttpRequest, key: str) -> dict[str, Any]:
    rows = SavedModel.objects.filter(project=project_for(request.user, key))
    return page(request, rows, "name", "saved_models", queries.saved_model_snapshot)


def get(request: HttpRequest, key: str, name: str) -> dict[str, Any]:
    return queries.saved_model_snapshot(row(project_for(request.user, key), SavedModel, name=name))


def activate(request: HttpRequest, body: dict[str, Any], key: str, name: str) -> dict[str, Any]:
    user = caller(request)
    saved = row(project_for(user, key, Role.EDITOR), SavedModel, name=name)
    if ("version" in body) == ("strategy" in body):
        said = "Say either the version that is to be active, or a strategy that finds it."
        raise Failure(422, "invalid", said, "version")
    if "version" in body:
        version = _version(request, key, name, body["version"])
    else:
        version = strategies.chosen(saved, body["strategy"])
    services.activate(version)
    audit(user, "version activated", f"{key}/{version}")
    return queries.saved_model_snapshot(saved)


def delete_version(request: HttpRequest, key: str, name: str, v: int) -> dict[str, Any]:
    user = caller(request)
    version = _version(request, key, name, v, Role.EDITOR)
    told = f"{key}/{version}"
    services.delete_version(version)
    audit(user, "version deleted", told)
    return {}


def bundle(request: HttpRequest, key: str, name: str, v: int) -> HttpResponseBase:
    user = caller(request)
    version = _version(request, key, name, v)
    bundles.folder(version)
    audit(user, "download", f"{key}/{version} bundle")
    return streamed(
        request,
        bundles.tar(version),
        content_type="application/x-tar",
        filename=bundles.tar_name(version),
    )


def _version(
    request: HttpRequest, key: str, name: str, number: int, role: Role = Role.READER
) -> Version:
    project = project_for(request.user, key, role)
    through = "saved_model__project"
    return row(project, Version, through=through, saved_model__name=name, number=number)
