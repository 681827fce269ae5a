"""What every page gets besides its own context: theme, place in the navigation, projects."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

THEMES = ("light", "dark")
# The part of an address behind /p/KEY/, and the entry of the navigation that it belongs to.
SECTIONS = {
    "": "flow",
    "flow": "flow",
    "recipes": "flow",
    "datasets": "datasets",
    "upload": "datasets",
    "lab": "lab",
    "analyses": "lab",
    "trained-models": "lab",
    "models": "saved_models",
    "saved-models": "saved_models",
    "jobs": "jobs",
    "settings": "settings",
}


def page(request: HttpRequest) -> dict[str, Any]:
    """Context processor."""
    return {
        "theme": theme(request),
        "theme_choices": (("", "Auto"), ("light", "Light"), ("dark", "Dark")),
        "section": section(request.path),
        "simulated": settings.TRACKSIDE_FAKE_GPUS,
        "my_projects": SimpleLazyObject(lambda: _projects(request)),
    }


def theme(request: HttpRequest) -> str:
    """light, dark or "" (as the system): the user's own setting, else the browser's cookie.

    The server renders it as an attribute of <html>, so no page flashes in the wrong colours.
    """
    user = getattr(request, "user", None)
    chosen = getattr(user, "theme", "") if user is not None else ""
    chosen = chosen or request.COOKIES.get("theme", "")
    return chosen if chosen in THEMES else ""


def section(path: str) -> str:
    """Which entry of the navigation is the current one."""
    parts = path.strip("/").split("/")
    if parts[0] == "gpus":
        return "gpus"
    if parts[0] != "p" or len(parts) < 2:
        return ""
    return SECTIONS.get(parts[2] if len(parts) > 2 else "", "")


def _projects(request: HttpRequest) -> list[Any]:
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return []
    memberships = user.memberships.select_related("project").order_by("project__name")
    return [one.project for one in memberships[:30]]
