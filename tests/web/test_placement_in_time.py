"""Placement over simulated days: what a reservation promises is kept, and nobody starves."""

from hypothesis import given, settings
from hypothesis import strategies as st

from bench.placement_trace import Work, trace
from bench.placement_world import World, first_come, ours

HOUR = 3600.0
SHAPES = st.lists(
    st.tuples(
        st.floats(0, 600),  # seconds after the one before
        st.sampled_from([1, 1, 1, 2, 3, 4, 6, 8]),
        st.floats(10, 2 * HOUR),
        st.sampled_from([1.0, 1.0, 1.5, 4.0]),  # of what it runs, its user declares
    ),
    min_size=1,
    max_size=25,
)


def works(shapes: list[tuple[float, int, float, float]]) -> list[Work]:
    now, made = 0.0, []
    for number, (pause, gpus, runs, cautious) in enumerate(shapes, start=1):
        now += pause
        made.append(Work(number, now, gpus, runs, limit=runs * cautious))
    return made


@settings(max_examples=150)
@given(SHAPES, st.sampled_from([(4, 4), (8, 2), (8, 8, 1)]))
def test_no_job_begins_later_than_its_reservation_promised(
    shapes: list[tuple[float, int, float, float]], beds: tuple[int, ...]
) -> None:
    jobs = [one for one in works(shapes) if one.gpus <= sum(sorted(beds)[-one.nodes :])]
    tally = World(len(beds), 0, ours, beds=beds).run(jobs)
    assert set(tally.started) == {one.job for one in jobs}
    late = {
        job: tally.started[job] - when
        for job, when in tally.promised.items()
        if tally.started[job] > when + 2.0  # a pass comes within a second of what happens
    }
    assert late == {}


@settings(max_examples=60)
@given(SHAPES)
def test_whoever_may_be_ended_comes_to_its_end_all_the_same(
    shapes: list[tuple[float, int, float, float]],
) -> None:
    jobs = [
        Work(one.job, one.arrives, one.gpus, one.runs, preemptible=one.job % 2 == 0)
        for one in works(shapes)
    ]
    world = World(2, 8, ours)
    tally = world.run(jobs)
    assert set(tally.started) == {one.job for one in jobs}
    assert (world.running, world.queue, world.holds) == ({}, {}, {})


def test_a_job_for_all_gpus_begins_although_small_ones_never_cease_to_come() -> None:
    small = [Work(n, n * 60.0, 1, 1800.0) for n in range(2, 600)]
    large = Work(1, 1801.0, 16, 600.0)
    tally = World(2, 8, ours).run([large, *small])
    assert tally.waits[1] <= 2 * 1800.0


def test_urgent_jobs_without_end_do_not_keep_a_patient_one_waiting_for_ever() -> None:
    urgent = [Work(n, n * 600.0, 1, 1200.0, priority=5) for n in range(2, 200)]
    patient = Work(1, 1300.0, 1, 60.0)
    tally = World(1, 1, ours).run([patient, *urgent])
    before = 1300.0 + 5 * 1800.0  # who comes later than that is behind it
    assert tally.waits[1] <= before / 600.0 * 1200.0
    assert max(tally.started.values()) > 10 * before


def test_on_the_trace_large_and_small_jobs_wait_less_than_first_come_first_served() -> None:
    jobs = trace(400, 32, 1.1, seed=3)
    mine, peer = (World(4, 8, policy).run(jobs) for policy in (ours, first_come))
    for wanted in (range(1, 2), range(2, 9)):
        of = [one.job for one in jobs if one.gpus in wanted]
        assert sum(mine.waits[job] for job in of) < sum(peer.waits[job] for job in of)
    assert mine.busy >= 0.95 * peer.busy
