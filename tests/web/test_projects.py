"""Projects: roles, members, keys, deletion."""

from collections.abc import Callable

import pytest
from django.core.exceptions import ValidationError
from django.http import Http404
from django.test import Client

from trackside.accounts.models import User
from trackside.datasets.models import Dataset
from trackside.projects import services
from trackside.projects.access import TooWeak, project_for, row
from trackside.projects.models import Member, Project, Role

ALLOWED = {Role.READER: 0, Role.EDITOR: 1, Role.OWNER: 2}


@pytest.mark.parametrize("needs", list(Role))
def test_roles_allow_what_the_table_says(
    project: Project, ada: User, ben: User, cleo: User, dan: User, needs: Role
) -> None:
    for user, has in ((ada, Role.OWNER), (ben, Role.EDITOR), (cleo, Role.READER)):
        if ALLOWED[has] >= ALLOWED[needs]:
            assert project_for(user, "INSECTS", needs) == project
        else:
            with pytest.raises(TooWeak, match=f"You are an? {has.label.lower()}"):
                project_for(user, "INSECTS", needs)
    with pytest.raises(Http404):
        project_for(dan, "INSECTS", needs)


def test_rows_of_another_project_are_absent(project: Project, ada: User) -> None:
    other = services.create_project(ada, key="OTHER", name="Other")
    hidden = Dataset.objects.create(project=other, name="secret", kind="images")
    assert row(other, Dataset, name="secret") == hidden
    for by in ({"name": "secret"}, {"pk": hidden.pk}, {"pk": "nonsense"}, {"pk": 10**40}):
        with pytest.raises(Http404):
            row(project, Dataset, **by)


def test_a_new_project_belongs_to_its_maker(as_dan: Client, dan: User) -> None:
    answer = as_dan.post("/projects/new/", {"name": "Bees & wasps", "key": ""})
    assert answer["Location"] == "/p/BEES_WASPS/"
    member = Member.objects.get(project__key="BEES_WASPS")
    assert (member.user, member.role) == (dan, Role.OWNER)


@pytest.mark.parametrize(
    "key", ["1ABC", "lower", "A B", "", "A", "Ü1", "A" * 41, "A/B", "..", "A\n"]
)
@pytest.mark.django_db
def test_a_key_that_no_address_can_hold_is_refused(key: str) -> None:
    with pytest.raises(ValidationError):
        services.check_key(key)


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["Bees", "1 2 3", "日本", "<script>", "", "x" * 100])
def test_every_name_gives_a_key_that_is_allowed(name: str) -> None:
    key = services.key_from(name)
    assert services.check_key(key) == key


def test_a_taken_key_gets_a_number(project: Project) -> None:
    assert services.key_from("Insects") == "INSECTS_2"


def test_only_owners_see_and_use_the_controls(
    project: Project, as_ada: Client, as_ben: Client, as_cleo: Client
) -> None:
    assert b"Delete the project" in as_ada.get("/p/INSECTS/settings/").content
    form = {"username": "cleo", "role": "owner"}
    for browser in (as_ben, as_cleo):
        page = browser.get("/p/INSECTS/settings/").content
        assert b"Delete the project" not in page
        assert b"Add or change" not in page
        assert browser.post("/p/INSECTS/settings/members/", form).status_code == 403
        assert browser.post("/p/INSECTS/settings/", {"name": "Mine"}).status_code == 403
        assert browser.post("/p/INSECTS/settings/delete/", {"typed": "INSECTS"}).status_code == 403
    project.refresh_from_db()
    assert project.name == "Insects"


def test_members_come_change_and_go(project: Project, as_ada: Client, dan: User) -> None:
    as_ada.post("/p/INSECTS/settings/members/", {"username": "dan", "role": "reader"})
    assert Member.objects.get(project=project, user=dan).role == Role.READER
    as_ada.post("/p/INSECTS/settings/members/", {"username": "DAN", "role": "editor"})
    assert Member.objects.get(project=project, user=dan).role == Role.EDITOR
    as_ada.post("/p/INSECTS/settings/members/", {"username": "dan", "do": "remove"})
    assert not Member.objects.filter(project=project, user=dan).exists()


@pytest.mark.parametrize("change", [{"role": "reader"}, {"do": "remove"}])
def test_the_last_owner_stays(project: Project, as_ada: Client, change: dict[str, str]) -> None:
    page = as_ada.post("/p/INSECTS/settings/members/", {"username": "ada"} | change, follow=True)
    assert b"only owner" in page.content
    assert Member.objects.get(project=project, user__username="ada").role == Role.OWNER


def test_a_project_goes_only_when_its_key_is_typed(project: Project, as_ada: Client) -> None:
    as_ada.post("/p/INSECTS/settings/delete/", {"typed": "insects"})
    assert Project.objects.filter(key="INSECTS").exists()
    as_ada.post("/p/INSECTS/settings/delete/", {"typed": "INSECTS"})
    assert not Project.objects.filter(key="INSECTS").exists()


def test_a_project_with_a_job_at_work_is_not_deleted(project: Project, ada: User) -> None:
    project.jobs.create(  # type: ignore[attr-defined]
        kind="train", title="Session 1", spec={}, compute={}, state="running", click_id="1"
    )
    with pytest.raises(services.Refused, match="Session 1"):
        services.delete_project(project, ada)


def test_names_are_text_and_never_markup(as_user: Callable[[User], Client], ada: User) -> None:
    evil = '<img src=x onerror=alert(1)>"><svg/onload=alert(1)>{{7*7}}'
    services.create_project(ada, key="EVIL", name=evil, description=evil)
    page = as_user(ada).get("/").content.decode()
    assert "<img src=x" not in page
    assert "<svg/onload" not in page
    assert "{{7*7}}" in page
