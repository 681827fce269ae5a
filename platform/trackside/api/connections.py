"""Connections to databases: administrators keep them, editors look by them and read datasets."""

from typing import Any

from django.http import Http404, HttpRequest

from trackside.accounts.gate import caller
from trackside.api.failures import Failure
from trackside.compute.draining import must_administer
from trackside.connections import looking, services
from trackside.connections.access import connection_for, usable
from trackside.connections.models import Connection
from trackside.datasets import from_database, queries
from trackside.projects.access import project_for
from trackside.projects.models import Project, Role

Json = dict[str, Any]
KEEP = "see and change connections"


def _shown(one: Connection) -> Json:
    """All but the password: nobody is told that."""
    return {
        **services.shown(one),
        "has_password": bool(one.sealed),
        "projects": sorted(project.key for project in one.projects.all()),
        "trouble": one.trouble,
        "warning": one.warning,
        "tested_at": one.tested_at.isoformat() if one.tested_at else None,
    }


def _one(name: str) -> Connection:
    found = Connection.objects.filter(name=name).first()
    if found is None:
        raise Http404("There is no such connection.")
    return found


def listed(request: HttpRequest) -> Json:
    must_administer(caller(request), KEEP)
    rows = Connection.objects.prefetch_related("projects").order_by("name")
    return {"connections": [_shown(one) for one in rows]}


def get(request: HttpRequest, name: str) -> Json:
    must_administer(caller(request), KEEP)
    return _shown(_one(name))


def create(request: HttpRequest, body: Json) -> Json:
    user = caller(request)
    must_administer(user, KEEP)
    projects = _projects(body.pop("projects", []))
    return _shown(services.create(user, body, projects))


def change(request: HttpRequest, body: Json, name: str) -> Json:
    user = caller(request)
    must_administer(user, KEEP)
    projects = _projects(body.pop("projects")) if "projects" in body else None
    return _shown(services.change(_one(name), user, body, projects))


def _projects(keys: list[str]) -> list[Project]:
    found = list(Project.objects.filter(key__in=keys))
    if missing := sorted(set(keys) - {one.key for one in found}):
        raise Failure(422, "invalid", f"There is no project {missing[0][:40]!r}.", "projects")
    return found


def delete(request: HttpRequest, name: str) -> Json:
    user = caller(request)
    must_administer(user, KEEP)
    services.delete(_one(name), user)
    return {}


def ask_test(request: HttpRequest, body: Json, name: str) -> str:
    must_administer(caller(request), KEEP)
    return services.test(_one(name), caller(request))


def test(request: HttpRequest, body: Json, asked: str, name: str) -> Json:
    return {"works": not asked, "trouble": asked, "warning": _one(name).warning}


def of_project(request: HttpRequest, key: str) -> Json:
    """What an editor needs to choose: not where the database is."""
    rows = usable(project_for(request.user, key, Role.EDITOR))
    names = ("name", "kind", "schema", "writable")
    return {"connections": [{name: getattr(one, name) for name in names} for one in rows]}


def _connection(request: HttpRequest, key: str, name: str) -> Connection:
    return connection_for(project_for(request.user, key, Role.EDITOR), name)


def tables(request: HttpRequest, key: str, name: str) -> Json:
    """Its schemas; the tables of `?schema=`, the columns of `?table=` in it."""
    connection = _connection(request, key, name)
    schema, table = request.GET.get("schema", ""), request.GET.get("table", "")
    try:
        found = looking.offered(connection, schema)
        answer: Json = {"schemas": found.schemas, "schema": found.schema}
        if table:
            return {**answer, "columns": looking.columns(connection, found.schema, table)}
        return {**answer, "tables": found.tables}
    except looking.NoLook as no:
        raise Failure(422, "database", str(no)) from None


def ask_preview(request: HttpRequest, body: Json, key: str, name: str) -> looking.Preview:
    connection = _connection(request, key, name)
    if bool(body.get("query")) == bool(body.get("table")):
        raise Failure(422, "invalid", "Name a table, or write a query: one of both.", "table")
    try:
        return looking.preview(connection, body)
    except looking.NoLook as no:
        raise Failure(422, "database", str(no), "query" if body.get("query") else "table") from None


def preview(request: HttpRequest, body: Json, asked: looking.Preview, key: str, name: str) -> Json:
    return {"columns": asked.columns, "rows": asked.rows, "more": asked.more}


def ask_source(request: HttpRequest, body: Json, key: str) -> from_database.Source:
    return from_database.checked(project_for(request.user, key, Role.EDITOR), body)


def read(request: HttpRequest, body: Json, asked: from_database.Source, key: str) -> Json:
    """A new dataset; the answer names the job of its import."""
    user = caller(request)
    project = project_for(user, key, Role.EDITOR)
    made = from_database.begin(project, user, body.get("name", ""), asked, body.get("types"))
    return {"name": made.name, "state": made.state, "job": made.job_id}


def read_again(request: HttpRequest, key: str, name: str) -> Json:
    user = caller(request)
    one = queries.dataset_for(project_for(user, key, Role.EDITOR), name)
    job = from_database.read_again(one, user)
    return {"name": one.name, "state": "importing", "job": job.pk}
