"""The queue: who may change it, what a change does, how its order comes about."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.web import cast
from trackside.accounts.models import User
from trackside.compute import clock
from trackside.compute.placement import Place, ordered
from trackside.compute.placement.ordering import effective
from trackside.compute.requests import BadCompute
from trackside.jobs import services
from trackside.jobs.backlog import Backlog
from trackside.jobs.models import Event, Job
from trackside.projects.models import Project

GPU0, GPU1 = "GPU-gpu-01-0", "GPU-gpu-01-1"
HOUR = 3600.0


@pytest.fixture
def full(project: Project, ada: User) -> Job:
    """A machine with two GPUs, both held by this job."""
    cast.node(gpus=2)
    return cast.submit(project, ada, compute={"kind": "any", "count": 2})


def waiting(project: Project, user: User, **wish: object) -> Job:
    job = cast.submit(project, user, compute={"kind": "any", **wish})
    assert job.state == "queued"
    return job


def order() -> list[int]:
    return Backlog().order(clock.now())


def notes(job: Job) -> list[str]:
    return [one.data["text"] for one in Event.objects.filter(job=job, type="note").order_by("seq")]


@pytest.mark.usefixtures("full")
def test_a_higher_priority_comes_first_and_is_told(project: Project, ada: User) -> None:
    first, second = waiting(project, ada), waiting(project, ada)
    services.set_priority(first, ada, -5)
    assert order() == [second.pk, first.pk]
    assert notes(first) == ["Ada changed its priority from 0 to -5."]


@pytest.mark.usefixtures("full")
def test_only_an_administrator_lifts_a_job_above_the_others(
    project: Project, ada: User, admin: User
) -> None:
    first, second = waiting(project, ada, priority=-5), waiting(project, ada)
    assert services.set_priority(first, ada, 0).priority == 0
    with pytest.raises(BadCompute, match=r"only an administrator may give 1\. Yours may be"):
        services.set_priority(first, ada, 1)
    assert services.set_priority(second, admin, 9).priority == 9
    assert services.set_priority(second, ada, 4).priority == 4
    with pytest.raises(BadCompute, match="passes everybody else's jobs"):
        services.set_priority(second, ada, 5)


@pytest.mark.usefixtures("full")
def test_a_new_job_is_not_more_urgent_than_everybody_elses(
    project: Project, ada: User, admin: User
) -> None:
    with pytest.raises(BadCompute, match="Yours may be from -100 to 0") as refused:
        waiting(project, ada, priority=1)
    assert (refused.value.field, refused.value.code) == ("compute.priority", "priority_too_high")
    assert waiting(project, admin, priority=100).priority == 100


@pytest.mark.usefixtures("full")
def test_a_job_is_moved_right_before_another(project: Project, ada: User) -> None:
    one, two, three, four = (waiting(project, ada) for _ in range(4))
    services.move_before(four, ada, two)
    assert order() == [one.pk, four.pk, two.pk, three.pk]
    services.move_before(three, ada, four)
    assert order() == [one.pk, three.pk, four.pk, two.pk]
    services.move_before(one, ada, two)
    assert order() == [three.pk, four.pk, one.pk, two.pk]
    assert notes(one) == [f"Ada moved it before job {two.pk}."]


@pytest.mark.usefixtures("full")
def test_before_an_urgent_job_a_moved_one_is_as_urgent(
    project: Project, ada: User, admin: User
) -> None:
    urgent, late = waiting(project, ada), waiting(project, ada)
    services.set_priority(urgent, admin, 50)
    assert services.move_before(late, admin, urgent).priority == 50
    assert order() == [late.pk, urgent.pk]


@pytest.mark.usefixtures("full")
def test_one_may_move_ones_own_and_an_administrator_everybodys(
    project: Project, ada: User, ben: User, cleo: User, admin: User
) -> None:
    hers, his = waiting(project, ada), waiting(project, ben)
    for act in (
        lambda: services.set_priority(hers, ben, 9),
        lambda: services.move_before(his, ben, hers),
        lambda: services.move_waiting(hers, ben, {"kind": "any"}),
    ):
        with pytest.raises(services.NotYours, match=f"Job {hers.pk} is Ada's"):
            act()
    Job.objects.filter(pk=his.pk).update(created_by=cleo)
    his.refresh_from_db()
    with pytest.raises(services.NotYours, match="may only read"):
        services.set_priority(his, cleo, 9)
    services.move_before(his, admin, hers)
    assert order() == [his.pk, hers.pk]


@pytest.mark.usefixtures("full")
def test_a_priority_out_of_range_is_refused(project: Project, ada: User) -> None:
    with pytest.raises(BadCompute, match="from -100 to 100, not 101"):
        services.set_priority(waiting(project, ada), ada, 101)


def test_what_runs_has_no_place_in_the_queue(full: Job, project: Project, ada: User) -> None:
    late = waiting(project, ada)
    with pytest.raises(services.NotNow, match="it is starting"):
        services.move_before(late, ada, full)
    with pytest.raises(services.NotNow, match="does not wait"):
        services.move_waiting(full, ada, {"kind": "cpu"})
    with pytest.raises(services.NotNow, match="before itself"):
        services.move_before(late, ada, late)
    services.stop(late, user=ada, how="cancel")
    with pytest.raises(services.AlreadyOver):
        services.set_priority(late, ada, 3)


@pytest.mark.usefixtures("full")
def test_a_waiting_job_goes_elsewhere_and_starts_if_it_is_free(project: Project, ada: User) -> None:
    cast.node("gpu-02", gpus=1)
    job = cast.submit(
        project, ada, compute={"kind": "gpus", "uuids": [GPU0], "max_seconds": 600, "priority": -3}
    )
    assert job.state == "queued"
    job = services.move_waiting(job, ada, {"kind": "gpus", "uuids": ["GPU-gpu-02-0"]})
    assert job.state == "starting"
    assert cast.live(job).compute["uuids"] == ["GPU-gpu-02-0"]
    assert (job.max_seconds, job.priority, job.compute["max_seconds"]) == (600, -3, 600)
    assert notes(job)[0] == "Ada has it wait for 1 GPU instead."


@pytest.mark.usefixtures("full")
def test_a_paused_job_has_no_turn(project: Project, ada: User) -> None:
    job = waiting(project, ada)
    services.pause(job, ada)
    assert order() == []


# The pure order -----------------------------------------------------------------------------------


def test_waiting_makes_up_for_priority() -> None:
    old = Place(job=1, priority=0, since=0.0)
    urgent = Place(job=2, priority=4, since=1.9 * HOUR)
    assert ordered([old, urgent], now=2 * HOUR) == [2, 1]
    later = Place(job=3, priority=4, since=2.1 * HOUR)
    assert ordered([old, later], now=3 * HOUR) == [1, 3]


PLACES = st.lists(
    st.tuples(st.integers(-100, 100), st.floats(0, 1e6), st.none() | st.floats(0, 12)),
    max_size=10,
).map(
    lambda rows: [
        Place(job=number, priority=priority, since=created, turn=turn)
        for number, ((priority, _, turn), created) in enumerate(
            zip(rows, sorted(row[1] for row in rows), strict=True), start=1
        )
    ]
)


@given(PLACES, st.floats(0, 1e7))
def test_the_rank_decides_then_the_turn_and_nobody_is_lost(places: list[Place], now: float) -> None:
    line = ordered(places, now)
    assert sorted(line) == [one.job for one in places]
    known = {one.job: one for one in places}

    def rank(one: Place) -> tuple[float, float]:
        turn = float(one.job) if one.turn is None else one.turn
        return -effective(one.priority, now - one.since), turn

    ranks = [rank(known[job]) for job in line]
    assert ranks == sorted(ranks)


@given(PLACES)
def test_in_the_end_age_decides_over_any_difference_in_urgency(places: list[Place]) -> None:
    for one in places:
        for other in places:
            apart = (other.priority - one.priority) * 1800.0
            if one.turn is None and other.turn is None and other.since - one.since > apart:
                line = ordered([one, other], now=other.since)
                assert line[0] == one.job or one.job == other.job
