"""Nobody gets in by an address that nobody thought about (S01, S02)."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from trackside.accounts.gate import decision
from trackside.accounts.models import User
from trackside.accounts.services import make_token
from trackside.datasets.models import Dataset
from trackside.projects.models import Project

PUBLIC = {"login", "healthz", "readyz", "openapi", "api_docs"}
METHODS = ("get", "post", "put", "patch", "delete", "options", "head")
CLOSED = (302, 401, 403, 404, 405)


def patterns(found: Any = None, before: str = "") -> Iterator[tuple[str, URLPattern]]:
    for one in (found or get_resolver()).url_patterns:
        path = before + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from patterns(one, path)
        else:
            yield path, one


def address(path: str, key: str = "INSECTS", name: str = "photos") -> str:
    """The path with something in each of its places."""

    def fill(match: re.Match[str]) -> str:
        kind, _, what = match.group(1).rpartition(":")
        if what == "key":
            return key
        return "1" if kind == "int" or what in ("number", "job", "id") else name

    return "/" + re.sub(r"<([^>]+)>", fill, path).strip("^$")


def test_every_view_says_who_may_call_it() -> None:
    undecided = [path for path, one in patterns() if decision(one.callback) is None]
    assert undecided == []


def test_only_the_door_and_health_are_public() -> None:
    public = {one.name for _, one in patterns() if decision(one.callback) == "public"}
    assert public == PUBLIC, "A new public address needs a line here and a reason in its view."


@pytest.mark.django_db
@pytest.mark.parametrize("method", METHODS)
def test_without_a_session_nothing_opens(client: Client, method: str) -> None:
    for path, one in patterns():
        if decision(one.callback) == "public":
            continue
        answer = getattr(client, method)(address(path))
        assert answer.status_code in CLOSED, f"{method} {path} answered {answer.status_code}"
        if answer.status_code == 302:
            assert answer["Location"].startswith("/login/"), path


def test_a_view_without_a_decision_is_refused_even_to_an_administrator(
    as_admin: Client, settings: Any
) -> None:
    settings.ROOT_URLCONF = "tests.web.undecided"
    assert as_admin.get("/open/").status_code == 403


def test_to_an_outsider_everything_of_a_project_looks_absent(
    as_dan: Client, project: Project, ada: User
) -> None:
    Dataset.objects.create(project=project, name="photos", kind="images", created_by=ada)
    for path, one in patterns():
        if "<str:key>" not in path or decision(one.callback) != "signed_in":
            continue
        for method in ("get", "post"):
            theirs = getattr(as_dan, method)(address(path))
            nothing = getattr(as_dan, method)(address(path, key="NOWHERE"))
            assert theirs.status_code in (404, 405), f"{method} {path}: {theirs.status_code}"
            assert theirs.status_code == nothing.status_code, path
            assert same(theirs.content) == same(nothing.content), path


def same(page: bytes) -> bytes:
    """The page without what differs at each look."""
    return re.sub(rb'(value|content)="[A-Za-z0-9]{64}"', b"", page)


def test_a_session_opens_no_rest_and_a_token_opens_no_page(as_ada: Client, ada: User) -> None:
    _, secret = make_token(ada, "script")
    tokens = {"Authorization": f"Bearer {secret}"}
    for path, one in patterns():
        if decision(one.callback) == "api":
            assert as_ada.get(address(path)).status_code in (401, 405), path
    assert Client(headers=tokens).get("/").status_code == 302


@pytest.mark.django_db
def test_a_nul_is_refused_before_a_database_is_asked(
    as_ada: Client, ada: User, project: Project
) -> None:
    """Postgres would fail on it."""
    for path in ("/p/%00/", "/p/INSECTS/datasets/a%00/", "/p/INSECTS/comparison/?of=%00:1"):
        assert as_ada.get(path).status_code == 400, path
    sent = {"connection": "\0", "table": "orders"}
    assert as_ada.post("/p/INSECTS/from-database/preview/", sent).status_code == 400
    assert as_ada.post("/login/", {"\0": "ada"}).status_code == 400
    rest = Client(headers={"Authorization": f"Bearer {make_token(ada, 'script')[1]}"})
    assert rest.get("/api/v1/projects?after=%00").json()["error"]["code"] == "bad_request"
