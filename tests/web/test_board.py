"""The board: who holds what, who waits, and what of it is nobody else's business."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.web import cast
from trackside.accounts.models import User
from trackside.compute import board, services, usage, waiting
from trackside.compute.models import Gpu, Lease, Node
from trackside.jobs import health_fleet, queries
from trackside.jobs import services as jobs
from trackside.jobs.live import still
from trackside.jobs.models import Job
from trackside.jobs.topics import allowed, parse
from trackside.jobs.turns import turns
from trackside.projects.models import Member, Project

GPU0 = {"kind": "gpus", "uuids": ["GPU-gpu-01-0"]}


def taken() -> None:
    """A node on whose GPU no job of ours can start."""
    cast.node(gpus=1)
    Gpu.objects.update(health="foreign")


def tile(user: User, index: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = board.board(user)["nodes"][0]["gpus"][index]
    return found


def test_a_board_is_plain_json(project: Project, ada: User) -> None:
    cast.node(gpus=2)
    cast.submit(project, ada, compute=GPU0)
    cast.submit(project, ada, compute=GPU0)
    shown = board.board(ada)
    assert json.loads(json.dumps(shown)) == shown


def test_a_tile_shows_what_was_sampled(ada: User) -> None:
    node = cast.node(gpus=1)
    cast.beat(node, memory_used=cast.GIB, utilization=40.0, temperature=60.0, power=300.0)
    one = tile(ada)
    assert (one["state"], one["holder"], one["memory_free"]) == ("free", None, 79 * cast.GIB)
    assert (one["utilization"], one["temperature"], one["power"]) == (40.0, 60.0, 300.0)
    assert one["history"] == [0.0, 40.0]
    assert one["idle_s"] is None


def test_a_busy_tile_names_its_holder_and_who_waits(project: Project, ada: User, ben: User) -> None:
    cast.node(gpus=1)
    job = cast.submit(project, ada, compute=GPU0)
    waiting = cast.submit(project, ben, compute=GPU0)
    seen = board.board(ben)
    holder = seen["nodes"][0]["gpus"][0]["holder"]
    assert (holder["id"], holder["title"], holder["user"]) == (job.pk, "ants and bees", "Ada")
    assert (holder["mine"], holder["project"]) == (False, "INSECTS")
    assert seen["nodes"][0]["gpus"][0]["queue"] == 1
    (queued,) = seen["queue"]
    assert (queued["id"], queued["position"], queued["mine"]) == (waiting.pk, 1, True)
    assert queued["may_move"]
    assert queued["wants"]["uuids"] == GPU0["uuids"]
    assert not {"user_id", "project_id", "uuids"} & set(queued)


def test_an_outsider_sees_that_a_gpu_is_busy_but_not_with_what(
    project: Project, ada: User, dan: User
) -> None:
    cast.node(gpus=1)
    cast.submit(project, ada, compute=GPU0)
    cast.submit(project, ada, compute=GPU0)
    seen = board.board(dan)
    holder = seen["nodes"][0]["gpus"][0]["holder"]
    assert (holder["title"], holder["project"]) == ("a job of another project", None)
    assert "ants and bees" not in json.dumps(seen)
    assert "INSECTS" not in json.dumps(seen)
    assert not {"user_id", "project_id"} & set(holder)


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ({"health": "foreign"}, "foreign"),
        ({"health": "dirty"}, "quarantined"),
        ({"health": "failed"}, "failed"),
        ({"sampled_at": None}, "stale"),
    ],
)
def test_a_tile_says_why_it_is_not_free(values: dict[str, Any], state: str, ada: User) -> None:
    cast.node(gpus=1)
    Gpu.objects.update(**values)
    assert tile(ada)["state"] == state


def test_a_foreign_process_is_named(ada: User) -> None:
    node = cast.node(gpus=1)
    outside = [{"pid": 48121, "name": "python", "user": "root", "memory": 5}]
    cast.beat(node, health="foreign", processes=outside)
    holder = tile(ada)["holder"]
    assert (holder["kind"], holder["title"], holder["user"]) == ("foreign", "python", "root")


def test_a_lost_jobs_gpu_is_shown_as_quarantined(project: Project, ada: User) -> None:
    cast.node(gpus=1)
    jobs.lose(cast.claimed(cast.submit(project, ada, compute=GPU0)), "gpu-01 is gone.")
    assert tile(ada)["state"] == "quarantined"


@pytest.mark.parametrize(("seconds", "state"), [(5, "online"), (30, "suspect"), (120, "lost")])
def test_a_machine_ages(seconds: int, state: str, ada: User) -> None:
    cast.node(gpus=1, now=timezone.now() - timedelta(seconds=seconds))
    assert board.board(ada)["nodes"][0]["state"] == state
    services.age(timezone.now())
    assert Node.objects.get().state == state


def test_an_older_agent_is_refused(ada: User) -> None:
    old = cast.node()
    cast.node()
    with pytest.raises(services.StaleNode, match="of epoch 1"):
        cast.beat(old)


def test_a_simulated_gpu_that_is_gone_leaves_the_board(ada: User) -> None:
    cast.node(gpus=2, simulated=True)
    cast.node(gpus=1, simulated=True)
    assert len(board.board(ada)["nodes"][0]["gpus"]) == 1


def test_all_holders_of_a_shared_gpu_are_named(project: Project, ada: User, dan: User) -> None:
    cast.node(gpus=1)
    attempt = cast.live(cast.submit(project, ada, compute=GPU0))
    first = attempt.leases.get(resource="GPU-gpu-01-0")
    attempt.leases.exclude(pk=first.pk).delete()
    attempt.leases.update(shared=True, memory=20 * cast.GIB)
    one = tile(ada)
    assert one["shares"] == {"slots": 4, "taken": 1, "memory": 20 * cast.GIB}
    assert [(h["title"], h["shared"], h["memory"]) for h in one["holders"]] == [
        ("ants and bees", True, 20 * cast.GIB)
    ]
    assert [h["title"] for h in tile(dan)["holders"]] == ["a job of another project"]


def test_a_paused_job_has_no_turn(project: Project, ada: User) -> None:
    taken()
    jobs = [cast.submit(project, ada, compute=GPU0) for _ in range(3)]
    Job.objects.filter(pk=jobs[0].pk).update(paused=True)
    shown = board.board(ada)
    assert (shown["waiting"], shown["turns"]) == (3, 2)
    places, waiting = turns(Job.objects.all())
    seen = {one["id"]: one["position"] for one in shown["queue"] if not one["paused"]}
    assert (places, waiting) == (seen, shown["turns"])


def test_a_long_queue_is_not_put_in_order_for_a_page(
    project: Project, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken()
    monkeypatch.setattr("trackside.jobs.turns.LONG", 2)
    first = cast.submit(project, ada, compute=GPU0)
    assert turns(Job.objects.all()) == ({first.pk: 1}, 1)
    second = cast.submit(project, ada, compute=GPU0)
    assert turns(Job.objects.all()) == ({first.pk: 1, second.pk: 2}, 2)
    cast.submit(project, ada, compute=GPU0)
    assert turns(Job.objects.all()) == ({}, 0)


def test_what_holds_a_whole_gpu_is_read_once(project: Project, ada: User) -> None:
    """Not each of its shares, nor cores, as a row with its job."""
    cast.node(gpus=2, cores=8)
    cast.submit(project, ada, compute={"kind": "any", "count": 2})
    assert Lease.objects.count() > 8
    assert len(board._leases()) == 2
    assert [len(gpu["holders"]) for gpu in board.board(ada)["nodes"][0]["gpus"]] == [1, 1]


def test_what_nodes_can_do_is_read_only_where_it_is_needed(project: Project, ada: User) -> None:
    """It is large; these look at all nodes every few seconds, or at each lease once a minute."""
    cast.node(gpus=1)
    job = cast.submit(project, ada, compute=GPU0)
    cast.claimed(job)
    now = timezone.now()
    with CaptureQueriesContext(connection) as seen:
        services.age(now)
        usage.settle_all(now)
        board.board(ada)
        health_fleet.nodes(now, lambda queues: [0] * len(queues))
        health_fleet.clocks(now)
        health_fleet.devices()
        queries.readiness()
        queries.snapshot(job)
        list(queries.jobs_of(project))
    assert len(seen) > 8
    assert not [one["sql"] for one in seen if "catalogue" in one["sql"]]


def test_who_may_move_a_waiting_job(
    project: Project, ada: User, ben: User, cleo: User, admin: User
) -> None:
    taken()
    cast.submit(project, ben, compute=GPU0)
    may = {str(u): board.board(u)["queue"][0]["may_move"] for u in (ada, ben, cleo, admin)}
    assert may == {"Ada": False, "Ben": True, "Cleo": False, "Root": True}
    Member.objects.filter(user=ben).update(role="reader")
    assert board.board(ben)["queue"][0]["may_move"] is False


def test_a_stranger_does_not_learn_what_a_waiting_job_wants(
    project: Project, ada: User, dan: User
) -> None:
    taken()
    cast.submit(project, ada, compute=GPU0)
    (queued,) = board.board(dan)["queue"]
    hidden = ("a job of another project", "", {}, None)
    assert (queued["title"], queued["reason"], queued["wants"], queued["project"]) == hidden


def test_the_queue_is_shown_in_the_order_of_its_turns(project: Project, ada: User) -> None:
    taken()
    ids = [cast.submit(project, ada, compute=GPU0).pk for _ in range(4)]
    Job.objects.filter(pk=ids[3]).update(priority=5)
    since = Job.objects.get(pk=ids[1]).created_at
    Job.objects.filter(pk=ids[2]).update(waits_since=since, turn=ids[0] - 0.5)
    Job.objects.filter(pk=ids[0]).update(paused=True)
    shown = [one["id"] for one in board.board(ada)["queue"]]
    assert shown == [ids[3], ids[2], ids[1], ids[0]]


def test_of_a_long_queue_the_first_are_shown_and_all_are_counted(
    project: Project, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "SHOWN", 2)
    taken()
    for _ in range(3):
        cast.submit(project, ada, compute=GPU0)
    shown = board.board(ada)
    assert (len(shown["queue"]), shown["waiting"]) == (2, 3)


def test_free_cores_are_counted(project: Project, ada: User) -> None:
    cast.node(cores=4)
    cast.submit(project, ada, compute={"kind": "cpu", "ranks": 1})
    assert board.board(ada)["nodes"][0]["cores_free"] == 2


def test_two_looks_at_a_quiet_fleet_are_the_same_but_for_the_clocks(ada: User) -> None:
    cast.node(gpus=1)
    first, second = (board.load(timezone.now() + timedelta(seconds=n)) for n in (0, 3))
    assert first != second
    assert board.still(first) == board.still(second)


@pytest.mark.django_db
def test_forms_get_the_catalogue_that_knows_most() -> None:
    first, second = cast.node(), cast.node("gpu-02")
    services.set_catalogue(first.pk, {"backbones": [{"name": "a", "activation": {"all": 1}}]})
    services.set_catalogue(second.pk, {"backbones": [{"name": "a"}]})
    assert services.catalogue()["backbones"][0]["activation"] == {"all": 1}


def test_a_stream_of_the_fleet_ends_when_its_reader_may_see_other_projects(
    project: Project, cleo: User
) -> None:
    client = Client()
    client.force_login(cleo)
    key = client.session.session_key or ""
    topics, who = allowed(cleo, parse("gpus", "")), board.viewer(cleo)
    assert still(key, topics, who)
    Member.objects.filter(user=cleo).delete()
    assert not still(key, topics, who)
