"""The board: who holds what, who waits, and what of it is nobody else's business."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.web import cast
from trackside.accounts.models import User
from trackside.compute import board, services
from trackside.compute.models import Gpu, Node
from trackside.jobs import services as jobs
from trackside.projects.models import Project

GPU0 = {"kind": "gpus", "uuids": ["GPU-gpu-01-0"]}


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
    assert set(queued) == {"id", "title", "user", "reason", "position", "mine"}


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


def test_a_gpu_that_is_gone_leaves_the_board(ada: User) -> None:
    cast.node(gpus=2)
    cast.node(gpus=1)
    assert len(board.board(ada)["nodes"][0]["gpus"]) == 1


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
