"""The tables of states, and a whole site in memory that moves only by them."""

from dataclasses import dataclass, field

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from tests.web import cast
from trackside.accounts.models import User
from trackside.compute.placement import Device, Machine, Request, decide
from trackside.jobs.moves import must_move_job
from trackside.jobs.states import (
    ATTEMPT_MOVES,
    ATTEMPT_OVER,
    JOB_MOVES,
    JOB_OVER,
    AttemptState,
    IllegalMove,
    JobState,
    Move,
    attempt_sources,
    job_sources,
)
from trackside.projects.models import Project


def test_nothing_leaves_a_state_that_is_over() -> None:
    assert not [state for state, _ in JOB_MOVES if state in JOB_OVER]
    assert not [state for state, _ in ATTEMPT_MOVES if state in ATTEMPT_OVER]


def test_every_state_but_the_first_can_be_reached() -> None:
    assert set(JOB_MOVES.values()) | {JobState.QUEUED} == set(JobState)
    assert set(ATTEMPT_MOVES.values()) | {AttemptState.ASSIGNED} == set(AttemptState)


def test_from_every_state_a_job_and_an_attempt_can_end() -> None:
    for state in set(JobState) - JOB_OVER:
        assert JOB_OVER & {to for (at, _), to in JOB_MOVES.items() if at == state}
    for one in set(AttemptState) - ATTEMPT_OVER:
        assert ATTEMPT_OVER & {to for (at, _), to in ATTEMPT_MOVES.items() if at == one}


@pytest.mark.parametrize("move", list(Move))
def test_a_move_leads_to_one_state_wherever_it_begins(move: Move) -> None:
    for table in (JOB_MOVES, ATTEMPT_MOVES):
        assert len({to for (_, one), to in table.items() if one == move}) <= 1


def test_a_move_that_is_not_in_the_table_is_refused(project: Project, ada: User) -> None:
    job = cast.submit(project, ada)
    with pytest.raises(IllegalMove, match="'finish' is no move out of 'queued'"):
        must_move_job(job.pk, Move.FINISH)
    job.refresh_from_db()
    assert job.state == JobState.QUEUED


@dataclass(eq=False)
class Try:
    state: AttemptState = AttemptState.ASSIGNED
    fence: int = 0


@dataclass(eq=False)
class Work:
    number: int
    uuids: tuple[str, ...]
    state: JobState = JobState.QUEUED
    fence: int = 0
    tries: list[Try] = field(default_factory=list)
    ends: int = 0


class Site(RuleBasedStateMachine):
    """Clicks, duplicate and stale messages, losses and stops in any order, on three GPUs."""

    jobs = Bundle("jobs")
    GPUS = ("g0", "g1", "g2")

    def __init__(self) -> None:
        super().__init__()
        self.all: list[Work] = []
        self.leases: dict[str, Try] = {}
        self.quarantined: set[str] = set()

    def move(self, work: Work, move: Move) -> None:
        work.state = JOB_MOVES[work.state, move]
        work.ends += work.state in JOB_OVER

    def held(self, one: Try) -> list[str]:
        return [uuid for uuid, owner in self.leases.items() if owner is one]

    @rule(target=jobs, uuids=st.lists(st.sampled_from(GPUS), min_size=1, unique=True))
    def click(self, uuids: list[str]) -> Work:
        work = Work(len(self.all) + 1, tuple(uuids))
        self.all.append(work)
        return work

    @rule()
    def schedule(self) -> None:
        gpus = [
            Device(uuid=u, index=n, name="H", memory_total=1, memory_free=1, why=self.why(u))
            for n, u in enumerate(self.GPUS)
        ]
        fleet = [Machine(id=1, name="n", cores=1, gpus=tuple(gpus))]
        waiting = [work for work in self.all if work.state == JobState.QUEUED]
        queue = [Request(job=work.number, kind="gpus", uuids=work.uuids) for work in waiting]
        for work, decision in zip(waiting, decide(fleet, queue), strict=True):
            if decision.parts:
                one = Try()
                for uuid in decision.uuids:
                    assert uuid not in self.leases, "a GPU with two owners"
                    self.leases[uuid] = one
                work.tries.append(one)
                self.move(work, Move.ASSIGN)

    def why(self, uuid: str) -> str:
        return "is in use" if uuid in self.leases else ""

    @rule(work=jobs)
    def doorbell(self, work: Work) -> None:
        """Also a doubled or late one: only what is assigned can be claimed."""
        if work.tries and work.tries[-1].state in attempt_sources(Move.CLAIM):
            work.fence += 1
            work.tries[-1].fence = work.fence
            work.tries[-1].state = ATTEMPT_MOVES[work.tries[-1].state, Move.CLAIM]

    @rule(
        work=jobs,
        which=st.integers(0, 3),
        ending=st.sampled_from([Move.FINISH, Move.FAIL, Move.CANCEL, Move.LOSE, Move.FIRST_STEP]),
    )
    def report(self, work: Work, which: int, ending: Move) -> None:
        """From any try of the job, also one that was lost long ago."""
        if which >= len(work.tries) or not work.tries[which].fence:
            return
        one = work.tries[which]
        if one.state not in attempt_sources(ending):
            return  # the guarded UPDATE touches no row
        one.state = ATTEMPT_MOVES[one.state, ending]
        if ending != Move.LOSE:
            self.move(work, ending)
            return
        self.quarantined |= set(self.held(one))
        losses = sum(1 for each in work.tries if each.state == AttemptState.LOST)
        self.move(work, Move.REQUEUE if losses <= 3 else Move.FAIL)

    @rule(work=jobs)
    def expire(self, work: Work) -> None:
        if work.tries and work.tries[-1].state in attempt_sources(Move.EXPIRE):
            work.tries[-1].state = ATTEMPT_MOVES[work.tries[-1].state, Move.EXPIRE]
            self.free(work.tries[-1])
            self.move(work, Move.REQUEUE)

    @rule(work=jobs)
    def stop(self, work: Work) -> None:
        last = work.tries[-1] if work.tries else None
        if work.state == JobState.QUEUED:
            self.move(work, Move.CANCEL)
        elif last and last.state == AttemptState.ASSIGNED:
            last.state = ATTEMPT_MOVES[last.state, Move.CANCEL]
            self.free(last)
            self.move(work, Move.CANCEL)
        elif last and last.state in attempt_sources(Move.STOP):
            last.state = ATTEMPT_MOVES[last.state, Move.STOP]
            self.move(work, Move.STOP)

    @precondition(lambda self: self.leases)
    @rule(work=jobs)
    def prove_gone(self, work: Work) -> None:
        for one in work.tries:
            if one.state in ATTEMPT_OVER:
                self.free(one)

    def free(self, one: Try) -> None:
        for uuid in self.held(one):
            del self.leases[uuid]
            self.quarantined.discard(uuid)

    @invariant()
    def one_live_try_and_one_outcome(self) -> None:
        for work in self.all:
            live = [one for one in work.tries if one.state not in ATTEMPT_OVER]
            moving = work.state not in JOB_OVER and work.state != JobState.QUEUED
            assert len(live) == (1 if moving else 0)
            assert work.ends == (work.state in JOB_OVER)
            assert work.state in job_sources(Move.REQUEUE) or not moving or live

    @invariant()
    def a_gang_holds_all_its_gpus_or_none(self) -> None:
        for work in self.all:
            for one in work.tries:
                if one.state not in ATTEMPT_OVER:
                    assert sorted(self.held(one)) == sorted(work.uuids)

    @invariant()
    def what_is_quarantined_is_not_free(self) -> None:
        assert self.quarantined <= set(self.leases)


TestSite = Site.TestCase
