"""Projects."""

from typing import Any

from django.http import HttpRequest

from trackside.accounts.gate import caller
from trackside.api.paging import page
from trackside.projects import services
from trackside.projects.access import project_for, projects_of, role_of
from trackside.projects.models import Project, Role


def shown(project: Project, user: Any) -> dict[str, Any]:
    return {
        "key": project.key,
        "name": project.name,
        "description": project.description,
        "role": role_of(user, project),
    }


def listed(request: HttpRequest) -> dict[str, Any]:
    mine = projects_of(request.user)
    return page(request, mine, "key", "projects", lambda one: shown(one, request.user))


def create(request: HttpRequest, body: dict[str, Any]) -> dict[str, Any]:
    user = caller(request)
    return shown(services.create_project(user, **body), user)


def one(request: HttpRequest, key: str) -> dict[str, Any]:
    return shown(project_for(request.user, key), request.user)


def delete(request: HttpRequest, key: str) -> dict[str, Any]:
    user = caller(request)
    services.delete_project(project_for(user, key, Role.OWNER), user)
    return {}
