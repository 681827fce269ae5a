"""The Flow and its recipes."""

from typing import Any

from django.http import HttpRequest

from trackside.accounts.gate import caller
from trackside.api.failures import Failure
from trackside.api.paging import page
from trackside.datasets.models import Dataset
from trackside.flow import queries, services, sql_target
from trackside.flow.models import Recipe
from trackside.flow.recipes import KINDS
from trackside.flow.training import from_analysis
from trackside.jobs.queries import snapshot
from trackside.lab.models import Analysis
from trackside.projects.access import project_for, row
from trackside.projects.models import Project, Role
from trackside.saved_models.models import SavedModel


def graph(request: HttpRequest, key: str) -> dict[str, Any]:
    return queries.flow_of(project_for(request.user, key)).as_dict()


def listed(request: HttpRequest, key: str) -> dict[str, Any]:
    rows = queries.recipes_of(project_for(request.user, key))
    return page(request, rows, "name", "recipes", queries.snapshot)


def get(request: HttpRequest, key: str, name: str) -> dict[str, Any]:
    return queries.snapshot(row(project_for(request.user, key), Recipe, name=name))


def create(request: HttpRequest, body: dict[str, Any], key: str) -> dict[str, Any]:
    project = project_for(request.user, key, Role.EDITOR)
    user = caller(request)
    if body["kind"] not in KINDS:
        listed_kinds = " or ".join(KINDS)
        raise Failure(
            422, "invalid", f"'kind' must be {listed_kinds}, not {body['kind'][:40]!r}.", "kind"
        )
    made = {"train": _training, "score": _scoring, "evaluate": _evaluation}[body["kind"]]
    return queries.snapshot(services.create_recipe(project, user, made(project, body, user)))


def _scoring(project: Project, body: dict[str, Any], user: Any) -> services.Wish:
    return services.Wish(
        name=body["name"],
        kind="score",
        dataset=_input(project, body, Dataset, "dataset"),
        saved_model=_input(project, body, SavedModel, "saved_model"),
        output=body.get("output", ""),
        settings=body.get("settings", {}),
        compute=body.get("compute", {}),
    )


def _evaluation(project: Project, body: dict[str, Any], user: Any) -> services.Wish:
    return services.Wish(
        name=body["name"],
        kind="evaluate",
        dataset=_input(project, body, Dataset, "dataset"),
        saved_model=_input(project, body, SavedModel, "saved_model"),
        store=_named(body),
        output=body.get("rows", ""),
        metrics=body.get("metrics", ""),
        settings=body.get("settings", {}),
        compute=body.get("compute", {}),
    )


def _training(project: Project, body: dict[str, Any], user: Any) -> services.Wish:
    analysis = _input(project, body, Analysis, "analysis")
    return from_analysis(
        analysis,
        user,
        name=body["name"],
        output=_named(body),
        compute=body.get("compute", {}),
        activate=body.get("activate", True),
        settings=body.get("settings"),
    )


def _named(body: dict[str, Any]) -> str:
    """The output of a recipe that always has one."""
    if "output" not in body:
        raise Failure(422, "invalid", "'output' is missing.", "output")
    return str(body["output"])


def _input(project: Project, body: dict[str, Any], model: type[Any], field: str) -> Any:
    name = body["inputs"].get(field)
    if not name:
        raise Failure(
            422, "invalid", f"A recipe of this kind needs 'inputs.{field}'.", f"inputs.{field}"
        )
    return row(project, model, name=name)


def change(request: HttpRequest, body: dict[str, Any], key: str, name: str) -> dict[str, Any]:
    recipe = row(project_for(request.user, key, Role.EDITOR), Recipe, name=name)
    return queries.snapshot(services.change_recipe(recipe, services.Change(**body)))


def delete(request: HttpRequest, key: str, name: str) -> dict[str, Any]:
    services.delete_recipe(row(project_for(request.user, key, Role.EDITOR), Recipe, name=name))
    return {}


def run(request: HttpRequest, body: dict[str, Any], key: str, name: str) -> dict[str, Any]:
    user = caller(request)
    recipe = row(project_for(user, key, Role.EDITOR), Recipe, name=name)
    once = services.Once(
        **{name: body.get(name) for name in ("warm_start", "redo_search", "activate", "settings")}
    )
    sql_target.check(recipe, once.settings)
    return snapshot(services.run_recipe(recipe, user, body.get("compute"), once=once))
