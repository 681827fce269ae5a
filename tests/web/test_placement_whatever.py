"""What holds for placement whatever the fleet and the queue."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.web.fleets import GIB, exact, gpu, machine, share, soft, some, until
from trackside.compute.placement import Decision, Device, Hold, Machine, Request, decide

# Whatever the queue -------------------------------------------------------------------------------


@st.composite
def fleets(draw: st.DrawFn) -> list[Machine]:
    made = []
    for name in "abc"[: draw(st.integers(1, 3))]:
        devices = []
        for n in range(draw(st.integers(0, 4))):
            holds = draw(
                st.sampled_from(
                    [
                        (),
                        (),
                        (until(draw(st.sampled_from([600.0, 7200.0]))),),
                        (Hold(job=91),),
                        (soft(92, draw(st.integers(-2, 2))),),
                        (share(0, 30),),
                        (share(0, 30), share(1, 30)),
                    ]
                )
            )
            devices.append(gpu(f"{name}{n}", *holds, model=draw(st.sampled_from(["H100", "A100"]))))
        why = draw(st.sampled_from(["", "", "", "is offline"]))
        made.append(machine(name, *devices, free_cores=tuple(range(4)), why=why))
    return made


MORE = st.fixed_dictionaries(
    {
        "priority": st.integers(-2, 2),
        "seconds": st.none() | st.sampled_from([60.0, 3000.0, 9000.0]),
        "preemptible": st.booleans(),
        "shared": st.booleans(),
        "memory": st.sampled_from([GIB, 30 * GIB]),
        "blocked": st.sampled_from([frozenset(), frozenset({ord("a")})]),
    }
)
WISHES = st.lists(
    st.one_of(
        st.builds(
            lambda count, nodes, name, more: some(0, count, nodes=nodes, name=name, **more),
            st.integers(1, 6),
            st.integers(1, 3),
            st.sampled_from(["", "h100"]),
            MORE,
        ),
        st.builds(
            lambda uuids, more: exact(0, *uuids, **more),
            st.lists(
                st.sampled_from(["a0", "a1", "b0", "b1", "c0"]), min_size=1, unique=True, max_size=3
            ),
            MORE,
        ),
    ),
    max_size=7,
).map(lambda wishes: [replace(one, job=number) for number, one in enumerate(wishes, start=1)])


@given(fleets(), WISHES)
def test_no_gpu_has_two_owners_and_no_budget_is_exceeded(
    fleet: list[Machine], queue: list[Request]
) -> None:
    decisions = decide(fleet, queue)
    there = {one.uuid: (where, one) for where in fleet for one in where.gpus}
    alone: list[str] = []
    shares: dict[str, list[tuple[int, int]]] = {}
    for wish, one in zip(queue, decisions, strict=True):
        assert_whole(wish, one, there)
        for part in one.parts:
            if not wish.shared:
                alone += part.uuids
            for uuid, number in zip(part.uuids, part.shares, strict=False):
                shares.setdefault(uuid, []).append((number, wish.memory))
    assert len(alone) == len(set(alone))
    assert not set(alone) & set(shares)
    assert all(not there[uuid][1].holds for uuid in alone)
    for uuid, given_ in shares.items():
        device = there[uuid][1]
        numbers = [number for number, _ in given_] + [one.share for one in device.holds]
        assert len(numbers) == len(set(numbers)) <= device.slots
        assert all(one.shared for one in device.holds)
        used = sum(memory for _, memory in given_) + sum(one.memory for one in device.holds)
        assert used <= device.memory_total


def assert_whole(wish: Request, one: Decision, there: dict[str, tuple[Machine, Device]]) -> None:
    """All of its GPUs or none; one model, open machines, none that is blocked."""
    if not one.parts:
        assert one.reason.startswith("Waits")
        assert one.reason.endswith(".")
        return
    assert one.preempt == ()
    assert len(one.uuids) == wish.gpus
    assert len({part.machine.id for part in one.parts}) == len(one.parts)
    for part in one.parts:
        assert not part.machine.why
        assert part.machine.id not in wish.blocked
        assert all(there[uuid][0].id == part.machine.id for uuid in part.uuids)
        assert len(part.shares) == (len(part.uuids) if wish.shared else 0)
    if wish.kind == "gpus":
        assert set(one.uuids) == set(wish.uuids)
    else:
        assert len({there[uuid][1].name for uuid in one.uuids}) == 1
        assert len(one.parts) <= max(1, wish.nodes)


@given(fleets(), WISHES)
def test_nobody_is_ended_twice_in_vain_or_by_who_is_less_urgent(
    fleet: list[Machine], queue: list[Request]
) -> None:
    wishes = {one.job: one for one in queue}
    holds = {hold.job: hold for one in fleet for dev in one.gpus for hold in dev.holds}
    for one in decide(fleet, queue):
        for victim in one.preempt:
            assert holds[victim].preemptible
            assert holds[victim].priority <= wishes[one.job].priority
        assert not (one.preempt and one.parts)


@given(fleets(), WISHES)
def test_later_jobs_change_nothing_for_earlier_ones(
    fleet: list[Machine], queue: list[Request]
) -> None:
    assert decide(fleet, queue)[:-1] == decide(fleet, queue[:-1])
