"""Placement beyond the first fit: who waits for what, who passes, who gives way."""

from dataclasses import replace

import pytest

from tests.web.fleets import FREE4, HALF, HOUR, exact, gpu, machine, soft, some, until
from trackside.compute.placement import Allowance, Hold, Request, decide

# Reservation and back-fill ------------------------------------------------------------------------


def test_the_first_that_waits_is_promised_when_the_last_of_its_gpus_is_free() -> None:
    (one,) = decide([HALF], [some(1, 4)])
    assert (one.parts, one.starts) == ((), 2 * HOUR)
    assert "Starts by 02:00 UTC if nothing more urgent comes." in one.reason


def test_the_machine_that_frees_earliest_is_reserved_and_the_others_are_not() -> None:
    late = machine("b", *(gpu(f"b{n}", until(9 * HOUR)) for n in range(3)), gpu("b3"))
    large, small = decide([HALF, late], [some(1, 4), some(2)])
    assert large.starts == 2 * HOUR
    assert small.uuids == ("b3",)


@pytest.mark.parametrize(
    ("small", "passes"),
    [
        (some(2, seconds=HOUR), True),
        (some(2, seconds=2 * HOUR), False),  # it ends a moment too late for its GPU to be free
        (some(2), False),
        (some(2, preemptible=True), True),
        (some(2, preemptible=True, priority=5), False),  # job 1 could not end it
        (some(2, 3, seconds=HOUR), False),
        (exact(2, "a0", seconds=HOUR), True),
        (exact(2, "a0"), False),
    ],
)
def test_who_passes_a_reservation(small: Request, passes: bool) -> None:
    large, late = decide([HALF], [some(1, 4), small])
    assert large.parts == ()
    assert bool(late.parts) is passes


def test_nobody_passes_who_has_waited_too_long() -> None:
    starving = some(1, 4, since=0.0)
    now = HOUR / 2
    large, small = decide([HALF], [starving, some(2, seconds=60.0, since=now)], now=now)
    assert (large.starts, small.parts) == (2 * HOUR, ())


def test_where_no_end_is_known_what_is_free_is_kept_for_the_first() -> None:
    fleet = [machine("a", gpu("a0"), gpu("a1", Hold(job=9)))]
    large, small, short = decide(fleet, [some(1, 2), some(2), some(3, seconds=60.0)])
    assert (large.starts, small.parts, short.parts) == (None, (), ())
    assert "is reserved for job 1" in small.reason


def test_the_gpus_that_a_person_chose_are_kept_for_them_until_the_last_is_free() -> None:
    chosen, short, long = decide(
        [HALF], [exact(1, "a0", "a2"), exact(2, "a0", seconds=1800.0), exact(3, "a0")]
    )
    assert chosen.starts == HOUR
    assert short.uuids == ("a0",)
    assert "reserved for job 1" in long.reason


def test_one_reservation_for_each_model_that_is_waited_for() -> None:
    fleet = [
        machine("a", gpu("a0"), gpu("a1", until(HOUR))),
        machine("b", gpu("b0", model="A100"), gpu("b1", until(HOUR), model="A100")),
    ]
    wishes = [some(1, 2, name="H100"), some(2, 2, name="A100"), some(3, name="A100")]
    assert [one.starts for one in decide(fleet, wishes)] == [HOUR, HOUR, None]


# Preemption ---------------------------------------------------------------------------------------


def test_of_those_who_may_be_ended_the_least_urgent_and_then_the_youngest_is() -> None:
    fleet = [
        machine(
            "a",
            gpu("a0", soft(91, priority=-5, started=1.0)),
            gpu("a1", soft(92, priority=-5, started=2.0)),
            gpu("a2", soft(93, priority=0, started=3.0)),
            gpu("a3", Hold(job=94)),
        )
    ]
    one, two, three = decide(fleet, [some(1), some(2), some(3)])
    assert (one.preempt, two.preempt, three.preempt) == ((92,), (91,), (93,))
    assert one.reason == "Waits for job 92 to give way: it keeps a checkpoint and ends."
    (four,) = decide(fleet, [some(1, 4)])
    assert four.preempt == ()  # nobody ends in vain


@pytest.mark.parametrize(
    ("wish", "victims"),
    [
        (some(1), (91,)),
        (exact(1, "a0"), (91,)),
        (some(1, priority=-1), ()),  # less urgent than job 91
        (some(1, preemptible=True), ()),  # no two of them end each other in turn
        (some(1, preemptible=True, priority=1), (91,)),
        (exact(1, "a0", "a1"), ()),
    ],
)
def test_who_may_end_whom(wish: Request, victims: tuple[int, ...]) -> None:
    fleet = [machine("a", gpu("a0", soft(91)), gpu("a1", Hold(job=92)))]
    (one,) = decide(fleet, [wish])
    assert (one.parts, one.preempt) == ((), victims)


def test_who_is_giving_way_is_not_asked_twice_and_nobody_else_in_its_place() -> None:
    fleet = [machine("a", gpu("a0", soft(91, yielding=True)), gpu("a1", soft(92)))]
    first, second = decide(fleet, [some(1), some(2)])
    assert (first.preempt, second.preempt) == ((), (92,))
    assert "job 91 to give way" in first.reason


def test_a_free_gpu_is_taken_before_anybody_is_ended() -> None:
    fleet = [machine("a", gpu("a0", soft(91)), gpu("a1"))]
    assert decide(fleet, [some(1)])[0].uuids == ("a1",)


# Quotas, blocked machines -------------------------------------------------------------------------


def test_a_quota_keeps_a_users_next_job_waiting_and_nobody_elses() -> None:
    limits = {("user", 7): Allowance(who="Ada", most=2, held=1)}
    wishes = [some(1, 1, user=7), some(2, 1, user=7), some(3, 3, user=7), some(4, 1, user=8)]
    one, two, three, four = decide([FREE4], wishes, limits=limits)
    assert one.parts
    assert four.parts
    assert two.reason == (
        "Waits: Ada may have 2 GPUs at once and 2 of them are in use; this job needs 1."
    )
    assert three.reason.startswith("Waits: it asks for 3 GPUs, and Ada may have 2 at once.")


def test_a_projects_quota_counts_beside_the_users() -> None:
    limits = {
        ("user", 7): Allowance(who="Ada", most=4),
        ("project", 1): Allowance(who="project INSECTS", most=0),
    }
    (one,) = decide([FREE4], [some(1, user=7, project=1)], limits=limits)
    assert "project INSECTS may have none at once" in one.reason


def test_no_job_goes_where_it_is_not_to_be_tried_again() -> None:
    other = machine("b", gpu("b0"), gpu("b1"))
    blocked = frozenset({FREE4.id})
    any_, core, here = decide(
        [FREE4, replace(other, free_cores=(0,))],
        [
            some(1, blocked=blocked),
            Request(job=2, kind="cpu", ranks=1, blocked=blocked),
            exact(3, "a0", blocked=blocked),
        ],
    )
    assert any_.uuids == ("b0",)
    assert core.parts[0].machine.name == "b"
    assert here.reason == "Waits: a is where it failed before; move it to other GPUs."


def test_where_every_machine_is_blocked_the_reason_names_them() -> None:
    (one,) = decide([FREE4], [some(1, blocked=frozenset({FREE4.id}))])
    assert one.reason.endswith("it failed before on every one that is online (a).")
