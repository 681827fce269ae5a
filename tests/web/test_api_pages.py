"""Lists of the REST interface, page by page."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.web import cast
from tests.web.world import Rest
from trackside.accounts.models import User
from trackside.projects.models import Project


@pytest.fixture
def rest(ada: User, project: Project) -> Rest:
    return Rest(ada)


def test_a_list_goes_on_behind_its_last_page(rest: Rest) -> None:
    for key in ("AA", "BB", "CC"):
        rest.call("POST", "/projects", {"key": key, "name": key})
    first = rest.call("GET", "/projects?limit=3").json()
    assert [one["key"] for one in first["projects"]] == ["AA", "BB", "CC"]
    second = rest.call("GET", f"/projects?limit=3&after={first['next']}").json()
    assert [one["key"] for one in second["projects"]] == ["INSECTS"]
    assert second["next"] is None


def test_a_page_of_jobs_is_read_at_once(rest: Rest, ada: User, project: Project) -> None:
    cast.node(cores=16)
    numbers = [cast.submit(project, ada).pk for _ in range(5)]
    counted = []
    for limit in (1, 4):
        with CaptureQueriesContext(connection) as seen:
            first = rest.call("GET", f"/jobs?limit={limit}").json()
        counted.append(len(seen))
    assert counted[0] == counted[1]
    assert [one["id"] for one in first["jobs"]] == numbers[:0:-1]
    last = rest.call("GET", f"/jobs?limit=4&after={first['next']}").json()
    assert ([one["id"] for one in last["jobs"]], last["next"]) == (numbers[:1], None)


@pytest.mark.parametrize("limit", ["-1", "x", "1000000", "1e3", "²"])
def test_a_wrong_limit_is_a_sentence(rest: Rest, limit: str) -> None:
    answer = rest.call("GET", f"/projects?limit={limit}")
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == "limit"
