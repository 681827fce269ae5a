"""The frame of every page."""

from django.test import Client


def test_the_list_of_projects_opens(as_ada: Client, project: object) -> None:
    page = as_ada.get("/")
    assert page.status_code == 200
    assert b"Projects" in page.content
