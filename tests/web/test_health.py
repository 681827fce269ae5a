"""The health page tells administrators, and nobody else, what somebody should look at."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from tests import valkey
from tests.web import cast
from trackside.accounts.models import User
from trackside.accounts.services import make_token
from trackside.compute.models import Gpu, Lease, Node
from trackside.compute.services import LOST_AFTER
from trackside.jobs import broker, doorbell, health, health_fleet
from trackside.jobs.models import Job, Leader
from trackside.projects.models import Project

pytestmark = pytest.mark.django_db
VITALS = {"clock": 0.01, "version": "0.10.0", "storage": 10**12, "heard": 3}


@pytest.fixture(scope="module")
def running_broker() -> Iterator[valkey.Valkey]:
    with valkey.running() as one:
        yield one


@pytest.fixture
def well(running_broker: valkey.Valkey, monkeypatch: pytest.MonkeyPatch) -> Node:
    """A Trackside in which all is well: broker, scheduler, one warm node."""
    monkeypatch.setattr(settings, "BROKER_URL", running_broker.url)
    broker.client().flushall()
    for slow in ("SLOW_DATABASE", "SLOW_BROKER"):
        monkeypatch.setattr(health, slow, 60.0)
    until = timezone.now() + timedelta(seconds=10)
    Leader.objects.create(name="scheduler", holder="head/7", until=until)
    one = cast.node(gpus=2)
    cast.beat(one)
    Node.objects.update(vitals=VITALS)
    return one


def part(name: str) -> dict[str, Any]:
    return next(one for one in health.look()["parts"] if one["name"] == name)


def node() -> dict[str, Any]:
    [one] = health.look()["nodes"]
    return one


def test_all_is_well_when_all_is_well(well: Node) -> None:
    seen = health.look()
    assert (seen["state"], seen["to_do"], seen["devices"]) == ("ok", 0, []), seen
    assert [one["name"] for one in seen["parts"]] == [
        "Database", "Broker", "Storage", "Uploads", "Scheduler", "Queue", "Clocks",
    ]  # fmt: skip
    assert all(one["note"] == "" for one in (*seen["parts"], *seen["nodes"]))


def test_a_slow_database_is_told(well: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "SLOW_DATABASE", 0.0)
    assert part("Database")["state"] == "wn"


def test_a_broker_that_is_gone_is_trouble_and_the_page_opens_all_the_same(
    well: Node, monkeypatch: pytest.MonkeyPatch, as_admin: Client
) -> None:
    monkeypatch.setattr(settings, "BROKER_URL", "redis+socket:///nowhere/sock")
    assert (part("Broker")["state"], node()["unheard"]) == ("er", None)
    page = as_admin.get("/health/")
    assert page.status_code == 200
    assert b"Jobs start some seconds later" in page.content


def test_a_broker_that_fills_up_is_told(well: Node) -> None:
    client = broker.client()
    most = client.config_get("maxmemory")["maxmemory"]  # type: ignore[index]
    client.config_set("maxmemory", int(client.info("memory")["used_memory"]) + 1000)  # type: ignore[index]
    try:
        assert "nearly full" in part("Broker")["note"]
    finally:
        client.config_set("maxmemory", most)


def test_storage_is_measured_against_its_floor(well: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = part("Storage")
    assert (seen["state"], seen["floor"]) == ("ok", settings.STORAGE_FLOOR)
    monkeypatch.setattr(settings, "STORAGE_FLOOR", seen["free"] // 2)
    assert part("Storage")["state"] == "wn"
    monkeypatch.setattr(settings, "STORAGE_FLOOR", seen["free"] * 2)
    seen = part("Storage")
    assert seen["state"] == "er"
    assert seen["note"].startswith("New work is refused below")


def test_without_a_leading_scheduler_there_is_trouble(well: Node) -> None:
    Leader.objects.update(until=timezone.now() - timedelta(seconds=120))
    assert part("Scheduler")["value"] == "none leads since 2 min"
    Leader.objects.all().delete()
    assert (part("Scheduler")["state"], part("Scheduler")["value"]) == ("er", "none leads")


def test_the_oldest_waiting_job_is_named(well: Node, project: Project, ada: User) -> None:
    cast.submit(project, ada, compute={"kind": "any", "count": 2})
    job = cast.submit(project, ada, compute={"kind": "any", "count": 2})
    Job.objects.filter(pk=job.pk).update(created_at=timezone.now() - timedelta(hours=7))
    seen = part("Queue")
    assert (seen["state"], seen["waiting"], seen["job"]) == ("wn", 1, job.pk)
    assert seen["value"] == "1 job waiting, the oldest for 7 h 00"
    Job.objects.filter(pk=job.pk).update(paused=True)
    assert part("Queue")["value"] == "nothing waits"


def test_a_silent_node_is_trouble(well: Node) -> None:
    Node.objects.update(heartbeat_at=timezone.now() - LOST_AFTER - timedelta(seconds=1))
    assert node()["state"] == "er"
    assert "Its agent is silent for" in node()["note"]
    Node.objects.update(heartbeat_at=None)
    assert node()["note"] == "Its agent is never heard from: look at its log."


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"clock": 3600.2}, "Its clock is 1 h 00 ahead"),
        ({"clock": -90.0}, "Its clock is 2 min behind"),
        ({"storage": None}, "The storage does not answer there."),
    ],
)
def test_what_a_node_says_of_itself_is_judged(
    well: Node, said: dict[str, Any], sentence: str
) -> None:
    Node.objects.update(vitals={**VITALS, **said})
    assert node()["state"] == "wn"
    assert sentence in node()["note"]


def test_a_wrong_clock_is_among_the_parts_too(well: Node) -> None:
    Node.objects.update(vitals={**VITALS, "clock": 3600.0})
    assert part("Clocks")["value"] == "gpu-01 is 1 h 00 ahead of the database"


def test_an_agent_left_behind_by_an_upgrade_is_named(well: Node) -> None:
    cast.node("gpu-02")
    Node.objects.filter(name="gpu-02").update(vitals={**VITALS, "version": "0.9.0"})
    notes = {one["name"]: one["note"] for one in health.look()["nodes"]}
    assert notes == {"gpu-01": "", "gpu-02": "Its agent is version 0.9.0, others run 0.10.0."}


def test_an_agent_that_does_not_hear_its_doorbells_is_named(
    well: Node, running_broker: valkey.Valkey
) -> None:
    with doorbell.app_for(running_broker.url) as app:
        for _ in range(health_fleet.DEAF):
            app.send_task(doorbell.POKE, queue=well.queue, ignore_result=True)
    assert node()["unheard"] == health_fleet.DEAF
    assert "does not hear its doorbells" in node()["note"]


def test_a_cold_zygote_is_told(well: Node) -> None:
    Node.objects.update(warm=False)
    assert "jobs start some seconds later" in node()["note"]


def test_devices_out_of_service_are_listed_with_their_reason(
    well: Node, project: Project, ada: User
) -> None:
    attempt = cast.claimed(
        cast.submit(project, ada, compute={"kind": "gpus", "uuids": ["GPU-gpu-01-1"]})
    )
    Lease.objects.filter(attempt=attempt).update(quarantined=True)
    Gpu.objects.filter(index=0).update(broken="Xid 79: it fell off the bus.")
    seen = health.look()
    assert [(one["index"], one["state"], one["word"]) for one in seen["devices"]] == [
        (0, "er", "Out of service"),
        (1, "wn", "Quarantined"),
    ]
    assert seen["devices"][0]["note"] == "Xid 79: it fell off the bus."
    assert seen["state"] == "er"


def test_administrators_see_the_page_and_to_others_it_is_absent(
    well: Node, as_admin: Client, as_ada: Client, client: Client
) -> None:
    page = as_admin.get("/health/").content.decode()
    assert "All is well." in page
    assert "gpu-01" in page
    assert as_ada.get("/health/").status_code == 404
    assert client.get("/health/")["Location"].startswith("/login/")
    assert b'href="/health/"' in as_admin.get("/").content
    assert b'href="/health/"' not in as_ada.get("/").content


def test_rest_gives_the_same_to_administrators_only(
    well: Node, admin: User, ada: User, as_user: Callable[[User], Client]
) -> None:
    def ask(user: User) -> Any:
        _, secret = make_token(user, "script")
        return Client(headers={"Authorization": f"Bearer {secret}"}).get("/api/v1/health")

    answer = ask(admin).json()
    assert answer["state"] == "ok"
    assert {one["name"] for one in answer["parts"]} >= {"Database", "Broker", "Storage"}
    assert ask(ada).status_code == 404
