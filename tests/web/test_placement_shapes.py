"""Placement on more than one machine, along links, in shares and slices."""

from dataclasses import replace

import pytest

from tests.web.fleets import FREE4, GIB, HOUR, exact, gpu, machine, share, sharing, some, until
from trackside.compute.placement import Device, Hold, Request, decide
from trackside.compute.placement.links import nearest

# Several machines ---------------------------------------------------------------------------------

TRIO = [
    FREE4,
    machine("b", *(gpu(f"b{n}") for n in range(4))),
    machine("c", gpu("c0"), gpu("c1")),
]


@pytest.mark.parametrize(
    ("wish", "where"),
    [
        (some(1, 6, nodes=2), {"a": 4, "c": 2}),  # the machine where none is left over
        (some(1, 10, nodes=3), {"a": 4, "b": 4, "c": 2}),
        (some(1, 4, nodes=3), {"a": 4}),  # one machine where one is enough
        (some(1, 7, nodes=2), {"a": 4, "b": 3}),
        (exact(1, "a1", "c0"), {"a": 1, "c": 1}),
    ],
)
def test_a_job_over_several_machines_gets_all_of_its_gpus(
    wish: Request, where: dict[str, int]
) -> None:
    (one,) = decide(TRIO, [wish])
    assert {part.machine.name: len(part.uuids) for part in one.parts} == where
    assert len(set(one.uuids)) == wish.gpus


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        (some(1, 6), "no machine that is online has 6 working GPUs"),
        (some(1, 9, nodes=2), "no 2 machines that are online have 9 working GPUs together"),
    ],
)
def test_what_no_machines_have_together_is_said(wish: Request, reason: str) -> None:
    (one,) = decide(TRIO, [wish])
    assert (one.parts, reason in one.reason) == ((), True)


def test_several_machines_are_reserved_for_when_together_they_have_enough() -> None:
    fleet = [
        machine("a", gpu("a0"), gpu("a1", until(3 * HOUR))),
        machine("b", gpu("b0", until(HOUR)), gpu("b1", until(2 * HOUR))),
        machine("c", gpu("c0")),
    ]
    large, small = decide(fleet, [some(1, 3, nodes=2), some(2)])
    assert large.starts == 2 * HOUR
    assert small.uuids == ("c0",)


# Links --------------------------------------------------------------------------------------------

PAIRS = (("a0", "a2"), ("a1", "a3"))
LINKS = {
    one: {
        other: "NV4" if (one, other) in PAIRS or (other, one) in PAIRS else "SYS"
        for other in ("a0", "a1", "a2", "a3")
        if other != one
    }
    for one in ("a0", "a1", "a2", "a3")
}


def test_two_gpus_that_an_nvlink_joins_go_together() -> None:
    linked = replace(FREE4, links=LINKS)
    first, second = decide([linked], [some(1, 2), some(2, 2)])
    assert (first.uuids, second.uuids) == (("a0", "a2"), ("a1", "a3"))


def test_one_gpu_is_taken_where_no_pair_is_torn_apart() -> None:
    torn = machine("a", gpu("a0"), gpu("a1"), gpu("a2", Hold(job=9)), gpu("a3"), links=LINKS)
    assert decide([torn], [some(1)])[0].uuids == ("a0",)


def test_a_machine_with_nvlink_comes_before_a_fuller_one_without() -> None:
    plain = {"b0": {"b1": "SYS"}, "b1": {"b0": "SYS"}}
    small = machine("b", gpu("b0"), gpu("b1"), links=plain)
    assert decide([small, replace(FREE4, links=LINKS)], [some(1, 2)])[0].uuids == ("a0", "a2")


def test_among_many_gpus_neighbours_are_found_without_trying_every_choice() -> None:
    gpus = [gpu(f"{n:02}0", index=n) for n in range(32)]
    links = {
        one.uuid: {
            other.uuid: "NV2" if one.index // 8 == other.index // 8 else "SYS"
            for other in gpus
            if other is not one
        }
        for one in gpus
    }
    found = nearest(gpus, 8, links)
    assert len({one.index // 8 for one in found}) == 1


# Shares and slices --------------------------------------------------------------------------------


def test_shares_fill_one_gpu_before_the_next_as_far_as_its_memory_goes() -> None:
    fleet = [machine("a", gpu("a0"), gpu("a1"))]
    wishes = [sharing(1, 30), sharing(2, 30), sharing(3, 30), sharing(4, 20)]
    given_ = [(one.uuids, one.parts[0].shares) for one in decide(fleet, wishes)]
    assert given_ == [(("a0",), (0,)), (("a0",), (1,)), (("a1",), (0,)), (("a0",), (2,))]


@pytest.mark.parametrize(
    ("device", "wish", "reason"),
    [
        (gpu("a0", share(0, 50)), sharing(1, 40), "has 30.0 GiB left for sharing"),
        (gpu("a0", *(share(n, 1) for n in range(4))), sharing(1, 1), "shared by 4 jobs already"),
        (gpu("a0", Hold(job=9)), sharing(1, 1), "is in use by job 9"),
        (gpu("a0", slots=1), sharing(1, 1), "is given to one job alone"),
        (gpu("a0", share(0, 1)), some(1), "is shared by job 90"),
        (gpu("a0", share(0, 50)), exact(1, "a0", shared=True, memory=40 * GIB), "has 30.0 GiB"),
    ],
)
def test_what_cannot_be_shared_says_why(device: Device, wish: Request, reason: str) -> None:
    (one,) = decide([machine("a", device)], [wish])
    assert one.parts == ()
    assert reason in one.reason


def test_the_lowest_share_that_is_free_is_given() -> None:
    device = gpu("a0", share(0, 1), share(2, 1))
    (one,) = decide([machine("a", device)], [exact(1, "a0", shared=True, memory=GIB)])
    assert one.parts[0].shares == (1,)


def test_a_slice_is_a_gpu_and_its_card_is_not() -> None:
    card = gpu("a0")
    slices = [gpu(f"m{n}", parent="a0", model="H100 1g.10gb", slots=1) for n in range(2)]
    fleet = [machine("a", card, *slices)]
    wishes = [some(1), some(2), some(3), some(4, 2)]
    one, two, three, pair = decide(fleet, wishes)
    assert (one.uuids, two.uuids) == (("m0",), ("m1",))
    assert three.parts == ()
    assert "no machine that is online has 2 working GPUs" in pair.reason


# Cores beside GPUs --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "wish", "cores"),
    [
        ({}, exact(1, "a0"), (0, 1)),
        ({}, exact(1, "a2"), (4, 5)),  # those at its place in the machine
        ({}, exact(1, "a3", "a1"), (6, 7, 2, 3)),  # rank by rank
        ({"free_cores": (0, 1, 2)}, exact(1, "a2"), (0, 1)),
        ({"free_cores": (5,)}, exact(1, "a2"), ()),  # not half a share: unbound instead
        ({"free_cores": (5,), "simulated": True}, exact(1, "a2"), (5,)),
        ({"cores": 256, "free_cores": tuple(range(256))}, exact(1, "a1"), tuple(range(64, 72))),
    ],
)
def test_a_rank_is_leased_its_gpus_share_of_the_cores(
    more: dict[str, object], wish: Request, cores: tuple[int, ...]
) -> None:
    here = replace(FREE4, **{"cores": 8, "free_cores": tuple(range(8)), **more})  # type: ignore[arg-type]
    (one,) = decide([here], [wish])
    assert (len(one.uuids), one.cores) == (wish.gpus, cores)


def test_gpus_leave_the_cores_to_an_older_job_that_waits_for_them() -> None:
    here = replace(FREE4, cores=8, free_cores=tuple(range(6)))
    waits, runs = decide([here], [Request(job=1, kind="cpu", ranks=8), exact(2, "a0")])
    assert (waits.parts, runs.uuids, runs.cores) == ((), ("a0",), ())
