"""Placement as a table of wishes and fleets, and what must hold for every one of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackside.compute.placement import Decision, Device, Machine, Request, decide

GIB = 2**30


def gpu(
    index: int, name: str = "H100", *, why: str = "", free: int = 80, node: str = "a"
) -> Device:
    return Device(
        uuid=f"{node}{index}",
        index=index,
        name=name,
        memory_total=80 * GIB,
        memory_free=free * GIB,
        why=why,
    )


def machine(name: str = "a", *gpus: Device, cores: int = 4, **more: object) -> Machine:
    values = {
        "id": ord(name[0]),
        "name": name,
        "cores": cores,
        "free_cores": tuple(range(cores)),
        "free_quick": (0, 1),
        "gpus": gpus,
        **more,
    }
    return Machine(**values)  # type: ignore[arg-type]


def exact(job: int, *uuids: str) -> Request:
    return Request(job=job, kind="gpus", uuids=uuids)


def some(job: int, count: int = 1, **more: object) -> Request:
    return Request(job=job, kind="any", count=count, **more)  # type: ignore[arg-type]


def cpu(job: int, ranks: int = 2) -> Request:
    return Request(job=job, kind="cpu", ranks=ranks)


TWO = machine("a", gpu(0), gpu(1))
BUSY = machine("a", gpu(0, why="is in use by Ada with job 9"), gpu(1))
MIXED = machine("a", gpu(0, "A100"), gpu(1, "H100"), gpu(2, "H100"))


@pytest.mark.parametrize(
    ("fleet", "wish", "uuids"),
    [
        ([TWO], exact(1, "a0"), ("a0",)),
        ([TWO], exact(1, "a1", "a0"), ("a1", "a0")),
        ([TWO], some(1, 2), ("a0", "a1")),
        ([BUSY], some(1), ("a1",)),
        ([MIXED], some(1, 2), ("a1", "a2")),
        ([MIXED], some(1, name="h100"), ("a1",)),
        ([MIXED], some(1), ("a0",)),  # the smallest group that suffices
        ([machine("a", gpu(0, free=10), gpu(1))], some(1, min_free=40 * GIB), ("a1",)),
        ([machine("a", gpu(0, free=10), gpu(1))], some(1, roomy=40 * GIB), ("a1",)),
        ([TWO, machine("b", gpu(0, node="b"))], some(1), ("b0",)),  # keeps the pair together
        ([machine("b", gpu(0, node="b"), simulated=True), TWO], some(1), ("a0",)),
    ],
)
def test_a_wish_gets(fleet: list[Machine], wish: Request, uuids: tuple[str, ...]) -> None:
    assert decide(fleet, [wish])[0].uuids == uuids


@pytest.mark.parametrize(
    ("fleet", "wish", "reason"),
    [
        ([BUSY], exact(1, "a0", "a1"), "Waits: GPU 0 (H100) on a is in use by Ada with job 9."),
        ([BUSY], some(1, 2), "Waits for 2 free GPUs: 1 on a is free, GPU 0 (H100) on a is in use"),
        (
            [machine("a", gpu(0, "A100"), gpu(1), gpu(2, why="is in use by Ada with job 9"))],
            some(1, 2),
            "Waits for 2 free GPUs: 1 H100 on a is free, GPU 2 (H100) on a is in use by Ada",
        ),
        ([MIXED], some(1, 3), "Waits: no machine that is online has 3 working GPUs."),
        ([machine("a", gpu(0), why="is offline")], exact(1, "a0"), "Waits: a is offline."),
        ([machine("a", gpu(0), why="is offline")], some(1), "Waits for a machine: none is online."),
        (
            [machine("a", gpu(0), why="is offline"), machine("b", gpu(1), why="is draining")],
            some(1),
            "Waits for a machine: b is draining.",
        ),
        ([TWO], exact(1, "z9"), "Waits: GPU z9 is not part of the fleet any more."),
        ([machine("a", gpu(0, free=1))], some(1, min_free=GIB * 2), "2.0 GiB free: too little"),
        ([machine("a", free_cores=(3,))], cpu(1), "Waits for 2 CPU cores: 1 of 4 on a is free."),
        ([machine("a", free_quick=())], Request(job=1, kind="quick"), "Waits for other short jobs"),
        ([TWO], some(1, hold="Later."), "Later."),
    ],
)
def test_what_waits_says_why(fleet: list[Machine], wish: Request, reason: str) -> None:
    (decision,) = decide(fleet, [wish])
    assert not decision.parts
    assert reason in decision.reason


def test_an_older_gang_keeps_younger_ones_off_its_gpus_only() -> None:
    fleet = [BUSY, machine("b", gpu(0, node="b"))]
    old, same, other = decide(fleet, [exact(1, "a0", "a1"), exact(2, "a1"), exact(3, "b0")])
    assert not old.parts
    assert "reserved for job 1, which is older" in same.reason
    assert other.uuids == ("b0",)


def test_a_cpu_job_that_waits_is_not_passed_by_smaller_ones() -> None:
    fleet = [machine("a", free_cores=(2, 3))]
    large, small = decide(fleet, [cpu(1, 4), cpu(2, 1)])
    assert (large.parts, small.parts) == ((), ())


@st.composite
def fleets(draw: st.DrawFn) -> list[Machine]:
    made = []
    for name in "abc"[: draw(st.integers(0, 3))]:
        states = draw(st.lists(st.tuples(st.sampled_from(["", "busy"]), st.sampled_from("HA"))))
        gpus = [gpu(n, model, why=why, node=name) for n, (why, model) in enumerate(states[:5])]
        cores = draw(st.integers(1, 6))
        free = tuple(sorted(draw(st.sets(st.integers(0, cores - 1)))))
        why = draw(st.sampled_from(["", "", "is offline"]))
        made.append(machine(name, *gpus, cores=cores, free_cores=free, why=why))
    return made


WISHES = st.one_of(
    st.builds(cpu, st.just(0), st.integers(1, 6)),
    st.builds(some, st.just(0), st.integers(1, 4)),
    st.builds(
        lambda uuids: exact(0, *uuids),
        st.lists(st.sampled_from(["a0", "a1", "a2", "b0", "b1", "c0"]), min_size=1, unique=True),
    ),
    st.just(Request(job=0, kind="quick")),
)


def numbered(wishes: list[Request]) -> list[Request]:
    return [Request(**{**vars(wish), "job": number}) for number, wish in enumerate(wishes, start=1)]


@given(fleets(), st.lists(WISHES, max_size=8).map(numbered))
def test_nothing_is_given_twice_and_gangs_are_whole(
    fleet: list[Machine], queue: list[Request]
) -> None:
    decisions = decide(fleet, queue)
    assert [one.job for one in decisions] == [one.job for one in queue]
    placed = [one for one in decisions if one.parts]
    for resources in (
        [uuid for one in placed for uuid in one.uuids],
        [(part.machine.name, n) for one in placed for part in one.parts for n in part.cores],
        [(one.parts[0].machine.name, one.quick) for one in placed if one.quick is not None],
    ):
        assert len(set(resources)) == len(resources)
    for wish, decision in zip(queue, decisions, strict=True):
        assert_sound(wish, decision)


def assert_sound(wish: Request, decision: Decision) -> None:
    if not decision.parts:
        assert decision.reason.startswith("Waits")
        assert decision.reason.endswith(".")
        assert (decision.uuids, decision.cores) == ((), ())
        return
    there = {one.uuid: one for part in decision.parts for one in part.machine.gpus}
    assert not any(part.machine.why for part in decision.parts)
    assert all(not there[uuid].why for uuid in decision.uuids)
    assert all(set(part.cores) <= set(part.machine.free_cores) for part in decision.parts)
    if wish.kind == "gpus":
        assert decision.uuids == wish.uuids
    if wish.kind == "any":
        assert len(decision.uuids) == wish.count
        assert len({there[uuid].name for uuid in decision.uuids}) == 1
    if wish.kind == "cpu":
        assert len(decision.cores) >= wish.ranks
        assert len(decision.cores) % wish.ranks == 0


@given(fleets(), st.lists(WISHES, min_size=1, max_size=6).map(numbered))
def test_who_comes_later_never_changes_who_came_first(
    fleet: list[Machine], queue: list[Request]
) -> None:
    assert decide(fleet, queue)[:-1] == decide(fleet, queue[:-1])
