"""The fleet through REST and the command: nodes, queue, usage, quotas, and who may change them."""

from typing import Any

import pytest
from django.utils import timezone

from tests.web import cast
from tests.web.test_client import Through
from tests.web.world import Rest
from trackside.accounts.models import User
from trackside.accounts.services import make_token
from trackside.api.schemas import check
from trackside.api.table_fleet import FLEET
from trackside.client import Client
from trackside.client import command as commands
from trackside.compute import services
from trackside.compute.models import Gpu, Node, Quota, Usage
from trackside.jobs.models import Job
from trackside.projects.models import Project

GPU0 = {"kind": "gpus", "uuids": ["GPU-gpu-01-0"]}


@pytest.fixture
def jobs(project: Project, ada: User, ben: User) -> list[Job]:
    cast.node(gpus=1)
    Gpu.objects.update(health="foreign")
    return [cast.submit(project, user, compute=GPU0) for user in (ada, ada, ben)]


def said(answer: Any) -> str:
    return str(answer.json()["error"]["message"])


@pytest.mark.parametrize("path", ["/nodes", "/queue", "/usage", "/quotas"])
def test_what_is_read_has_the_shape_that_the_document_promises(
    path: str, jobs: list[Job], admin: User, ada: User, project: Project
) -> None:
    Usage.objects.create(day=timezone.now().date(), user=ada, project=project, gpu_seconds=3600)
    Quota.objects.create(user=ada, gpus=2)
    answer = Rest(admin).call("GET", path)
    assert answer.status_code == 200, answer.content
    shape = next(one.answer for one in FLEET if (one.method, one.path) == ("GET", path))
    assert shape is not None
    check(answer.json(), shape)


def test_a_node_is_drained_and_brought_back(jobs: list[Job], admin: User) -> None:
    rest = Rest(admin)
    drained = rest.call("POST", "/nodes/gpu-01/drain", {"note": "new fans"}).json()
    assert (drained["state"], drained["draining"]) == ("draining", True)
    assert drained["drain_note"] == "Root: new fans"
    Gpu.objects.update(health="ok")
    back = rest.call("POST", "/nodes/gpu-01/undrain", {}).json()
    assert (back["state"], back["draining"]) == ("online", False)
    assert rest.call("POST", "/nodes/no-such/drain", {}).status_code == 404


def test_a_drain_can_ask_the_jobs_of_the_node(project: Project, ada: User, admin: User) -> None:
    cast.node(gpus=1)
    job = cast.submit(project, ada, compute=GPU0)
    cast.claimed(job)
    Rest(admin).call("POST", "/nodes/gpu-01/drain", {"ask_jobs": True})
    job.refresh_from_db()
    assert job.stop == "drain"


def test_a_gpu_is_put_back_in_service(admin: User) -> None:
    cast.node(gpus=1)
    services.break_gpu("GPU-gpu-01-0", "It needs a reset.")
    (before,) = Rest(admin).call("GET", "/nodes").json()["nodes"][0]["gpus"]
    assert (before["state"], before["note"]) == ("failed", "It needs a reset.")
    after = Rest(admin).call("POST", "/gpus/GPU-gpu-01-0/mend", {}).json()["gpus"][0]
    assert after["state"] == "free"
    assert Rest(admin).call("POST", "/gpus/GPU-none/mend", {}).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/nodes/gpu-01/drain", {}),
        ("POST", "/nodes/gpu-01/undrain", {}),
        ("POST", "/gpus/GPU-gpu-01-0/mend", {}),
        ("GET", "/quotas", None),
        ("POST", "/quotas", {"gpus": 1}),
    ],
)
def test_what_is_for_administrators_is_refused_to_others_with_a_sentence(
    method: str, path: str, body: Any, ada: User
) -> None:
    cast.node(gpus=1)
    answer = Rest(ada).call(method, path, body)
    assert answer.status_code == 403
    assert said(answer).startswith("Only an administrator may ")
    assert not Node.objects.get().draining


def test_the_queue_is_put_in_another_order(jobs: list[Job], ada: User, ben: User) -> None:
    first, second, third = (job.pk for job in jobs)

    def order() -> list[int]:
        return [one["id"] for one in Rest(ada).call("GET", "/queue").json()["queue"]]

    rest = Rest(ada)
    assert rest.call("POST", f"/jobs/{second}/place", {"before": first}).status_code == 200
    assert order() == [second, first, third]
    assert rest.call("POST", f"/jobs/{second}/place", {"after": third}).status_code == 200
    assert order() == [first, third, second]
    assert rest.call("POST", f"/jobs/{first}/priority", {"priority": -9}).status_code == 200
    assert order() == [third, second, first]
    lifted = rest.call("POST", f"/jobs/{first}/priority", {"priority": 9})
    assert lifted.status_code == 422
    assert "only an administrator" in said(lifted)
    refused = Rest(ben).call("POST", f"/jobs/{third}/place", {"before": first})
    assert refused.status_code == 403


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "Say 'before' or 'after'"),
        ({"before": 1, "after": 2}, "Say 'before' or 'after'"),
        ({"before": 999999}, "Job 999999 does not wait."),
        ({"before": 10**30}, "does not wait."),
        ({"after": True}, "whole number"),
        ({"before": "x"}, "whole number"),
    ],
)
def test_a_place_that_is_none_is_explained(
    body: dict[str, Any], words: str, jobs: list[Job], ada: User
) -> None:
    answer = Rest(ada).call("POST", f"/jobs/{jobs[0].pk}/place", body)
    assert answer.status_code in (400, 409, 422)
    assert words in said(answer)


def test_a_priority_out_of_range_is_explained(jobs: list[Job], ada: User) -> None:
    answer = Rest(ada).call("POST", f"/jobs/{jobs[0].pk}/priority", {"priority": 101})
    assert "between -100 and 100" in said(answer)


@pytest.mark.parametrize("query", ["by=colour", "days=0", "days=366", "days=x"])
def test_a_report_that_cannot_be_is_explained(query: str, ada: User) -> None:
    answer = Rest(ada).call("GET", f"/usage?{query}")
    assert answer.status_code == 422
    assert said(answer).startswith(f"'{query.partition('=')[0]}' must be")


def test_usage_is_told_in_hours(project: Project, ada: User) -> None:
    today = timezone.now().date()
    Usage.objects.create(
        day=today, user=ada, project=project, gpu_seconds=7200, used_seconds=3600, energy_wh=500
    )
    (line,) = Rest(ada).call("GET", "/usage?by=user&days=1").json()["lines"]
    assert (line["label"], line["gpu_hours"], line["used_hours"]) == ("Ada", 2.0, 1.0)
    assert line["energy_kwh"] == 0.5


def test_quotas_are_set_for_names(project: Project, ada: User, admin: User) -> None:
    rest = Rest(admin)
    for body in ({"gpus": 8}, {"user": "ada", "gpus": 2}, {"project": "INSECTS", "gpus": 4}):
        answer = rest.call("POST", "/quotas", body)
        assert answer.status_code == 200, answer.content
    found = rest.call("POST", "/quotas", {"gpus": None}).json()["quotas"]
    assert sorted((one["user"] or one["project"], one["gpus"]) for one in found) == [
        ("INSECTS", 4),
        ("ada", 2),
    ]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"user": "nobody", "gpus": 1}, "user"),
        ({"project": "NONE", "gpus": 1}, "project"),
        ({"user": "ada", "project": "INSECTS", "gpus": 1}, "gpus"),
        ({"gpus": -1}, "gpus"),
        ({"gpus": "many"}, "gpus"),
    ],
)
def test_a_wrong_quota_names_its_field(
    body: dict[str, Any], field: str, project: Project, admin: User
) -> None:
    answer = Rest(admin).call("POST", "/quotas", body)
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == field
    assert not Quota.objects.exists()


def test_the_command_speaks_of_the_fleet(
    jobs: list[Job],
    admin: User,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, secret = make_token(admin, "client")

    def client() -> Client:
        return Client("http://127.0.0.1", secret, transport=Through())

    monkeypatch.setattr(commands, "Client", client)

    def shell(*words: str) -> str:
        assert commands.main(words) == 0
        return capsys.readouterr().out

    assert "Root: new fans" in shell("nodes", "--drain", "gpu-01", "--note", "new fans")
    assert "draining" not in shell("nodes", "--undrain", "gpu-01")
    first, second, _ = (str(job.pk) for job in jobs)
    moved = shell("queue", "--job", second, "--before", first).splitlines()
    assert moved[1].split()[:2] == ["1", second]
    assert shell("queue", "--job", first, "--priority", "7").splitlines()[1].split()[1:3] == [
        first,
        "7",
    ]
    Usage.objects.create(day=timezone.now().date(), user=admin, gpu_seconds=7200, simulated=True)
    line = shell("usage", "--by", "user").splitlines()[2]
    assert line.split()[:3] == ["Root", "(simulated)", "2.00"]
    services.break_gpu("GPU-gpu-01-0", "It needs a reset.")
    shell("nodes", "--mend", "GPU-gpu-01-0")
    assert Gpu.objects.get().broken == ""
