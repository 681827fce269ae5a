"""The pages of the fleet: who sees what, and what administrators and owners of jobs can do."""

import json
from typing import Any

import pytest
from django.test import Client

from tests.web import cast
from trackside.accounts.models import User
from trackside.compute import fleet_page, services
from trackside.compute.board import board
from trackside.compute.models import Gpu, Node, Quota
from trackside.jobs.models import Job
from trackside.projects.models import Project

GPU0 = {"kind": "gpus", "uuids": ["GPU-gpu-01-0"]}


def by(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def waiting(project: Project, ada: User, ben: User) -> list[Job]:
    """Two jobs of Ada and one of Ben wait for a GPU that a stranger uses."""
    cast.node(gpus=2)
    Gpu.objects.update(health="foreign")
    return [cast.submit(project, user, compute=GPU0) for user in (ada, ada, ben)]


def order() -> list[int]:
    admin = User(pk=0, is_staff=True)
    return [one["id"] for one in board(admin)["queue"]]


def test_the_page_shows_machines_faults_and_the_reason_of_each_wait(
    waiting: list[Job], ada: User
) -> None:
    process = {"pid": 7, "name": "python", "user": "mara", "memory": 9 * cast.GIB}
    Gpu.objects.update(processes=[process], errors={"ecc": 2, "slowed": "heat"})
    page = by(ada).get("/gpus/").content.decode()
    for words in (
        "gpu-01",
        "python (pid 7) of mara holds 9.0 GiB.",
        "2 uncorrectable memory errors.",
        "Slowed down by heat.",
        waiting[0].reason,
        "GPU 0 of gpu-01",
        "without MIG there is no isolation",
    ):
        assert words in page, words
    assert "Drain…" not in page


def test_slices_stand_under_their_card_and_links_in_a_matrix(ada: User) -> None:
    node = cast.node(gpus=3)
    links = {"GPU-gpu-01-0": {"GPU-gpu-01-1": "NV18"}, "GPU-gpu-01-1": {"GPU-gpu-01-0": "NV18"}}
    Node.objects.update(topology={"links": links, "numa": {"GPU-gpu-01-0": 0}})
    Gpu.objects.filter(pk="GPU-gpu-01-2").update(parent="GPU-card", name="H100 MIG 3g.40gb")
    (machine,) = fleet_page.machines(board(ada))
    assert [one["index"] for one in machine["cards"]] == [0, 1]
    (card,) = machine["cut"]
    assert (card["index"], card["name"], len(card["slices"])) == (2, "H100", 1)
    assert [row["ways"] for row in machine["matrix"]] == [["", "NV18"], ["NV18", ""]]
    page = by(ada).get("/gpus/").content.decode()
    assert "How its GPUs are connected" in page
    assert "cut into 1 MIG slice" in page
    assert node.name in page


def test_machines_that_have_no_gpu_stand_last(ada: User) -> None:
    for name, gpus in (("a-cpu", 0), ("b-gpu", 1), ("c-cpu", 0), ("d-gpu", 2)):
        cast.node(name, gpus=gpus)
    for name, code in (("a-cpu", "driver_silent"), ("c-cpu", "no_device")):
        why = {"code": code, "text": "So it is.", "steps": []}
        Node.objects.filter(name=name).update(why_no_gpu=why)
    names = [one["name"] for one in fleet_page.machines(board(ada))]
    assert names == ["a-cpu", "b-gpu", "d-gpu", "c-cpu"]


def test_the_layout_can_be_fetched_alone(admin: User) -> None:
    cast.node(gpus=1)
    part = by(admin).get("/gpus/?part=fleet").content.decode()
    assert "<html" not in part
    assert 'data-node="gpu-01"' in part


def test_a_strangers_job_is_on_the_page_without_its_title(waiting: list[Job], dan: User) -> None:
    page = by(dan).get("/gpus/").content.decode()
    assert "a job of another project" in page
    assert "ants and bees" not in page
    assert "INSECTS" not in page


def test_an_administrator_drains_a_node_and_brings_it_back(
    project: Project, ada: User, admin: User, django_capture_on_commit_callbacks: Any
) -> None:
    cast.node(gpus=1)
    client = by(admin)
    answer = client.post("/gpus/nodes/gpu-01/drain/", {"note": "new fans"}, follow=True)
    assert "gpu-01 takes no new jobs." in answer.content.decode()
    assert "Root: new fans" in answer.content.decode()
    job = cast.submit(project, ada, compute=GPU0)
    assert job.state == "queued"
    with django_capture_on_commit_callbacks(execute=True):
        client.post("/gpus/nodes/gpu-01/undrain/")
    job.refresh_from_db()
    assert job.state == "starting"


def test_a_drain_can_ask_the_jobs_to_go_on_elsewhere(
    project: Project, ada: User, admin: User
) -> None:
    cast.node(gpus=1)
    job = cast.submit(project, ada, compute=GPU0)
    cast.claimed(job)
    answer = by(admin).post("/gpus/nodes/gpu-01/drain/", {"ask_jobs": "1"}, follow=True)
    assert "1 of its jobs were asked" in answer.content.decode()
    job.refresh_from_db()
    assert job.stop == "drain"


@pytest.mark.parametrize(
    "path",
    [
        "/gpus/nodes/gpu-01/drain/",
        "/gpus/nodes/gpu-01/undrain/",
        "/gpus/gpu/GPU-gpu-01-0/mend/",
        "/gpus/quotas/set/",
    ],
)
def test_what_administrators_do_is_refused_to_others(path: str, ada: User) -> None:
    cast.node(gpus=1)
    assert by(ada).post(path, {"gpus": "1"}).status_code == 403
    assert not Node.objects.get().draining
    assert not Quota.objects.exists()


def test_a_broken_gpu_is_put_back_by_a_button(admin: User) -> None:
    cast.node(gpus=1)
    services.break_gpu("GPU-gpu-01-0", "It needs a reset.")
    client = by(admin)
    page = client.get("/gpus/").content.decode()
    assert "Out of service: It needs a reset." in page
    assert "Back in service" in page
    answer = client.post("/gpus/gpu/GPU-gpu-01-0/mend/", follow=True)
    assert "GPU 0 of gpu-01 is in service again." in answer.content.decode()
    assert Gpu.objects.get().broken == ""


def test_a_job_is_dragged_before_and_behind_others(waiting: list[Job], admin: User) -> None:
    first, second, third = (job.pk for job in waiting)
    client = by(admin)
    assert client.post(f"/gpus/queue/{third}/place/", {"before": first}).status_code == 200
    assert order() == [third, first, second]
    assert client.post(f"/gpus/queue/{third}/place/", {"after": second}).status_code == 200
    assert order() == [first, second, third]
    assert client.post(f"/gpus/queue/{first}/place/", {"after": second}).status_code == 200
    assert order() == [second, first, third]


def test_an_own_job_may_let_others_pass_but_not_pass_them(
    waiting: list[Job], ada: User, ben: User
) -> None:
    first, second, third = (job.pk for job in waiting)
    refused = by(ben).post(f"/gpus/queue/{third}/place/", {"before": first})
    assert refused.status_code == 403
    assert "only they and administrators" in refused.json()["error"]["message"]
    assert by(ben).post(f"/gpus/queue/{third}/place/", {"after": first}).status_code == 403
    assert by(ada).post(f"/gpus/queue/{first}/place/", {"after": third}).status_code == 200
    assert order() == [second, third, first]


def test_a_priority_is_set_and_a_wrong_one_explained(waiting: list[Job], ada: User) -> None:
    path = f"/gpus/queue/{waiting[1].pk}/priority/"
    assert by(ada).post(path, {"priority": "-7"}).json() == {"said": "Priority -7."}
    assert order()[-1] == waiting[1].pk
    assert "only an administrator" in by(ada).post(path, {"priority": "7"}).content.decode()
    for wrong in ("", "x", "1000"):
        answer = by(ada).post(path, {"priority": wrong})
        assert answer.status_code == 422
        assert "whole number" in answer.json()["error"]["message"]


def test_a_waiting_job_is_moved_to_other_gpus(waiting: list[Job], ada: User) -> None:
    Gpu.objects.filter(pk="GPU-gpu-01-1").update(health="ok")
    job = waiting[1]
    answer = by(ada).post(
        f"/gpus/queue/{job.pk}/move/", {"kind": "gpus", "uuids": ["GPU-gpu-01-1"]}
    )
    assert answer.status_code == 200, answer.content
    job.refresh_from_db()
    assert (job.state, job.compute["uuids"]) == ("starting", ["GPU-gpu-01-1"])
    again = by(ada).post(f"/gpus/queue/{job.pk}/move/", {"kind": "any", "count": "1"})
    assert again.status_code == 422
    assert "does not wait any more" in again.json()["error"]["message"]


def test_a_shared_job_that_waits_may_go_to_the_cpu(waiting: list[Job], ada: User) -> None:
    asked = {**GPU0, "share": "shared", "memory": 8 * cast.GIB}
    job = cast.submit(waiting[0].project, ada, compute=asked)
    answer = by(ada).post(f"/gpus/queue/{job.pk}/move/", {"kind": "cpu", "ranks": "1"})
    assert answer.status_code == 200, answer.content
    job.refresh_from_db()
    assert (job.compute["kind"], "memory" in job.compute) == ("cpu", False)


@pytest.mark.parametrize("wish", [{"kind": "gpus"}, {"kind": "any", "count": "x"}, {"kind": "z"}])
def test_a_move_to_nowhere_is_explained(
    wish: dict[str, str], waiting: list[Job], ada: User
) -> None:
    answer = by(ada).post(f"/gpus/queue/{waiting[0].pk}/move/", wish)
    assert answer.status_code == 422
    assert answer.json()["error"]["message"].endswith(".")


def test_to_an_outsider_the_jobs_of_the_queue_are_absent(waiting: list[Job], dan: User) -> None:
    for act in ("priority", "place", "move"):
        assert by(dan).post(f"/gpus/queue/{waiting[0].pk}/{act}/").status_code == 404


def test_a_member_cannot_command_another_persons_job(waiting: list[Job], cleo: User) -> None:
    answer = by(cleo).post(f"/gpus/queue/{waiting[0].pk}/priority/", {"priority": "9"})
    assert answer.status_code == 403
    waiting[0].refresh_from_db()
    assert waiting[0].priority == 0


def test_the_queue_comes_as_json_for_its_page(waiting: list[Job], ada: User) -> None:
    found = by(ada).get("/gpus/queue/").json()
    assert found["waiting"] == 3
    assert [one["may_move"] for one in found["queue"]] == [True, True, False]


def test_the_board_in_the_page_is_the_viewers_own(waiting: list[Job], dan: User) -> None:
    page = by(dan).get("/gpus/").content.decode()
    start = page.index(">", page.index('id="board"')) + 1
    shown = json.loads(page[start : page.index("</script>", start)])
    assert {one["title"] for one in shown["queue"]} == {"a job of another project"}


def test_what_is_free_on_a_draining_node_is_counted_apart(db: None, ada: User) -> None:
    cast.node(gpus=2)
    cast.node("gpu-02", gpus=3)
    Node.objects.filter(name="gpu-02").update(drain_note="new memory", draining=True)
    page = by(ada).get("/gpus/").content.decode()
    assert "2 of 5 GPUs free on 2 nodes, 3 more where no job may begin</span>" in page
