"""The pages of usage and quotas: who used what, who may have how much, and who may know it."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.web import cast
from tests.web.test_fleet_page import GPU0, by
from trackside.accounts.models import User
from trackside.compute import usage_report
from trackside.compute.models import Quota, Usage
from trackside.projects.models import Member, Project

# --- quotas -----------------------------------------------------------------------------------


def test_quotas_are_set_and_taken_away(project: Project, ada: User, admin: User) -> None:
    client = by(admin)
    for wish in ({"gpus": "4"}, {"user": ada.pk, "gpus": "2"}, {"project": "INSECTS", "gpus": "3"}):
        page = client.post("/gpus/quotas/set/", wish, follow=True).content.decode()
        assert "The quota is saved." in page
    found = set(Quota.objects.values_list("user", "project__key", "gpus"))
    assert found == {(None, None, 4), (ada.pk, None, 2), (None, "INSECTS", 3)}
    client.post("/gpus/quotas/set/", {"user": ada.pk, "gpus": "5"})
    client.post("/gpus/quotas/set/", {"gpus": ""})
    found = set(Quota.objects.values_list("user", "project__key", "gpus"))
    assert found == {(ada.pk, None, 5), (None, "INSECTS", 3)}


def test_a_raised_quota_lets_a_waiting_job_start(
    project: Project, ada: User, admin: User, django_capture_on_commit_callbacks: Any
) -> None:
    cast.node(gpus=1)
    client = by(admin)
    client.post("/gpus/quotas/set/", {"user": ada.pk, "gpus": "0"})
    job = cast.submit(project, ada, compute=GPU0)
    assert job.state == "queued"
    assert "quota" in job.reason.lower() or "at most 0" in job.reason
    with django_capture_on_commit_callbacks(execute=True):
        client.post("/gpus/quotas/set/", {"user": ada.pk, "gpus": "1"})
    job.refresh_from_db()
    assert job.state == "starting"


@pytest.mark.parametrize("user", ["abc", "\u00b2", "9" * 30])
def test_a_quota_of_nobody_does_not_become_everybodys(user: str, admin: User) -> None:
    answer = by(admin).post("/gpus/quotas/set/", {"user": user, "gpus": "3"})
    assert answer.status_code == 404
    assert not Quota.objects.exists()


@pytest.mark.parametrize("gpus", ["-1", "many", "1000000"])
def test_a_wrong_quota_is_explained(gpus: str, admin: User) -> None:
    page = by(admin).post("/gpus/quotas/set/", {"gpus": gpus}, follow=True).content.decode()
    assert "quota" in page.lower()
    assert not Quota.objects.exists()


def test_the_quotas_page_says_what_each_holds(project: Project, ada: User, admin: User) -> None:
    cast.node(gpus=1)
    Quota.objects.create(user=ada, gpus=2)
    cast.submit(project, ada, compute=GPU0)
    answer = by(admin).get("/gpus/quotas/")
    assert [row.held for row in answer.context["rows"]] == [1]
    assert by(ada).get("/gpus/quotas/").status_code == 403


# --- usage ------------------------------------------------------------------------------------


@pytest.fixture
def used(project: Project, ada: User, ben: User, dan: User) -> Project:
    """Ada and Ben worked in INSECTS, Dan in a project of his own; Ada's GPUs were simulated."""
    other = Project.objects.create(key="SECRET", name="=Dan's secret")
    Member.objects.create(project=other, user=dan, role="owner")
    today = timezone.now().date()
    rows = [(today, ada, project, 7200, True), (today, ben, project, 3600, False)]
    rows += [(today - timedelta(days=1), dan, other, 1800, False)]
    for day, user, where, seconds, simulated in rows:
        Usage.objects.create(
            day=day,
            user=user,
            project=where,
            simulated=simulated,
            gpu_seconds=seconds,
            used_seconds=seconds / 2,
            core_seconds=3600,
            energy_wh=500,
            jobs=1,
        )
    return other


def lines(user: User, **query: Any) -> dict[str, float]:
    report = by(user).get("/gpus/usage/", query).context["report"]
    return {one.label: round(one.gpu_hours, 2) for one in report.lines}


def test_an_administrator_sees_who_used_what(used: Project, admin: User) -> None:
    assert lines(admin, by="user") == {"Ada": 2.0, "Ben": 1.0, "Dan": 0.5}
    report = by(admin).get("/gpus/usage/?by=day&days=7").context["report"]
    assert (len(report.days), report.total.jobs) == (7, 3)
    assert report.total.gpu_hours == pytest.approx(3.5)


def test_members_see_their_projects_and_of_others_one_line(used: Project, cleo: User) -> None:
    assert lines(cleo, by="user") == {"Ada": 2.0, "Ben": 1.0, "Others": 0.5}
    page = by(cleo).get("/gpus/usage/?by=project").content.decode()
    assert "secret" not in page
    assert "SECRET" not in page


def test_simulated_hours_are_not_added_to_real_ones(used: Project, admin: User) -> None:
    report = by(admin).get("/gpus/usage/?by=project").context["report"]
    found = {(one.label, one.simulated): one.gpu_hours for one in report.lines}
    assert len(found) == 3
    assert sorted(found.values()) == [0.5, 1.0, 2.0]


def test_usage_comes_as_csv_in_which_no_name_is_a_formula(used: Project, admin: User) -> None:
    answer = by(admin).get("/gpus/usage.csv?by=project&days=7")
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    head, *rows = text.splitlines()
    assert head == "project,simulated,gpu_hours,used_hours,core_hours,energy_kwh,jobs"
    assert len(rows) == 3
    assert any(row.startswith("'=Dan's secret,false,0.5,0.25,1.0,0.5,1") for row in rows)
    first = timezone.now().date() - timedelta(days=6)
    assert f"usage-by-project-{first}" in answer["Content-Disposition"]


@pytest.mark.parametrize("query", ["by=colour", "days=99999", "days=x", "by=&days="])
def test_an_unknown_wish_shows_the_ordinary_report(query: str, used: Project, ada: User) -> None:
    report = by(ada).get(f"/gpus/usage/?{query}").context["report"]
    assert (report.by, len(report.days)) == ("project", 30)


def test_usage_without_rows_says_so(ada: User) -> None:
    page = by(ada).get("/gpus/usage/").content.decode()
    assert "Nothing was used yet" in page
    assert "No GPU was used in these days." in page


def test_two_projects_of_one_name_are_two_lines(project: Project, ada: User, admin: User) -> None:
    twin = Project.objects.create(key="TWIN", name=project.name)
    for one, seconds in ((project, 3600), (twin, 7200)):
        Usage.objects.create(day=timezone.now().date(), user=ada, project=one, gpu_seconds=seconds)
    found = usage_report.report(admin, "project", 7, timezone.now().date())
    assert [(one.label, one.gpu_hours) for one in found.lines] == [
        (project.name, 2.0),
        (project.name, 1.0),
    ]
