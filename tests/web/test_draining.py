"""Out of service and back: nodes and GPUs, by administrators, with a line in the audit log."""

from typing import Any

import pytest
from django.utils import timezone

from tests.web import cast
from trackside.accounts.models import AuditEntry, User
from trackside.compute import board, services
from trackside.compute.models import Gpu, NodeState


def tile(user: User) -> dict[str, Any]:
    found: dict[str, Any] = board.board(user)["nodes"][0]["gpus"][0]
    return found


def test_a_drained_node_says_who_drains_it_and_why(admin: User) -> None:
    node = cast.node(gpus=1)
    services.drain(node, admin, "new fans")
    shown = board.board(admin)["nodes"][0]
    assert (shown["state"], shown["drain_note"]) == ("draining", "Root: new fans")
    assert services.state_of(node, timezone.now()) == NodeState.DRAINING
    services.undrain(node, admin)
    shown = board.board(admin)["nodes"][0]
    assert (shown["state"], shown["drain_note"]) == ("online", "")
    acts = list(AuditEntry.objects.order_by("id").values_list("act", "about"))
    assert acts == [("node drained", "gpu-01 new fans"), ("node undrained", "gpu-01")]


def test_only_administrators_change_the_fleet(ada: User) -> None:
    node = cast.node(gpus=1)
    for call in (
        lambda: services.drain(node, ada, ""),
        lambda: services.undrain(node, ada),
        lambda: services.mend_gpu("GPU-gpu-01-0", ada),
    ):
        with pytest.raises(services.NotAdministrator, match=r"^Only an administrator may .*\.$"):
            call()
    assert not AuditEntry.objects.exists()


def test_a_broken_gpu_is_out_of_service_until_it_is_mended(admin: User) -> None:
    node = cast.node(gpus=1)
    assert services.break_gpu("GPU-gpu-01-0", "It did not let go of its memory.")
    assert not services.break_gpu("GPU-gpu-01-0", "Another word.")
    cast.beat(node)
    one = tile(admin)
    assert (one["state"], one["note"]) == ("failed", "It did not let go of its memory.")
    assert services.mend_gpu("GPU-gpu-01-0", admin)
    assert not services.mend_gpu("GPU-gpu-01-0", admin)
    assert tile(admin)["state"] == "free"


def test_a_restart_of_the_machine_clears_what_was_broken(admin: User) -> None:
    cast.node(gpus=1)
    services.break_gpu("GPU-gpu-01-0", "It has failed.")
    cast.node(gpus=1)
    assert Gpu.objects.get().broken
    cast.node(gpus=1, boot_id="boot-2")
    assert not Gpu.objects.get().broken


def test_a_card_that_is_not_found_any_more_has_failed_until_somebody_lets_it_go(
    admin: User,
) -> None:
    cast.node(gpus=2)
    cast.node(gpus=1)
    states = [one["state"] for one in board.board(admin)["nodes"][0]["gpus"]]
    assert states == ["free", "failed"]
    services.mend_gpu("GPU-gpu-01-1", admin)
    assert len(board.board(admin)["nodes"][0]["gpus"]) == 1


def test_a_card_that_comes_back_is_in_service_again(admin: User) -> None:
    for count in (2, 1, 2):
        cast.node(gpus=count)
    states = [one["state"] for one in board.board(admin)["nodes"][0]["gpus"]]
    assert states == ["free", "free"]


def test_no_card_has_failed_where_none_can_be_seen_at_all(admin: User) -> None:
    cast.node(gpus=2)
    cast.node(gpus=0)
    assert not Gpu.objects.exclude(broken="").exists()
