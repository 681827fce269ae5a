"""The job path through every crash point, and through seeded storms of what can go wrong."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.product import ROOT
from tests.web.simulated_world import World
from tests.web.simulation import NODES
from trackside.jobs import history
from trackside.jobs.models import Job

pytestmark = pytest.mark.django_db(transaction=True)
WISHES = [
    {"kind": "any", "count": 1},
    {"kind": "any", "count": 2},
    {"kind": "any", "count": 3, "nodes": 2},
    {"kind": "any", "count": 1, "preemptible": True},
    {"kind": "cpu", "ranks": 1},
]
ORDERS = ["cancel", "finish_early", "pause", "resume", "move", "preempt"]
nodes = st.sampled_from(sorted(NODES))
small = st.integers(0, 3)


class Storm(RuleBasedStateMachine):
    """Clicks, doorbells, losses, orders, crashes and time, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World().__enter__()

    def teardown(self) -> None:
        try:
            self.world.settle()
        finally:
            self.world.__exit__()

    @rule(wish=st.sampled_from(WISHES))
    def click(self, wish: dict[str, object]) -> None:
        self.world.click(wish)

    @rule(number=small, how=st.sampled_from(ORDERS))
    def order(self, number: int, how: str) -> None:
        self.world.order(number, how)

    @rule(number=small, keep=st.booleans())
    def deliver(self, number: int, keep: bool) -> None:
        self.world.deliver(number, keep=keep)

    @rule()
    def forget_every_doorbell(self) -> None:
        self.world.messages.clear()

    @rule(name=nodes)
    def turn(self, name: str) -> None:
        self.world.turn(name)

    @rule(name=nodes)
    def turn_again(self, name: str) -> None:
        self.world.turn(name)

    @rule()
    def schedule(self) -> None:
        self.world.schedule()

    @rule(seconds=st.sampled_from([0.2, 1, 6, 31, 100]))
    def wait(self, seconds: float) -> None:
        self.world.wait(seconds)

    @rule(seconds=st.sampled_from([1, 6, 31, 100]))
    def all_goes_well(self, seconds: float) -> None:
        for _ in range(int(seconds // 6) + 1):
            for name in NODES:
                self.world.turn(name)
            self.world.schedule()
            self.world.wait(min(seconds, 6))

    @rule(number=small, what=st.sampled_from(["step", "succeed", "obey", "keep", "fail", "kill"]))
    def gang(self, number: int, what: str) -> None:
        alive = [one for one in self.world.gangs if one.alive]
        if not alive:
            return
        one = alive[number % len(alive)]
        if what == "step":
            one.write("step", epoch=0.1, step=1, loss=0.5)
        elif what in ("fail", "kill"):
            one.end(1 if what == "fail" else None)
        elif what == "succeed":
            self.world.succeed(one)
        else:
            getattr(one, what)()

    @rule(name=nodes)
    def kill_agent(self, name: str) -> None:
        self.world.agents[name] = None

    @rule(name=nodes, reboot=st.booleans())
    def start_agent(self, name: str, reboot: bool) -> None:
        if reboot or self.world.agents[name] is None:
            self.world.start(name, reboot=reboot)

    @rule(passes=st.integers(1, 12))
    def crash_soon(self, passes: int) -> None:
        """The process that comes by the n-th crash point from here on ends there."""
        self.world.armed = ("", passes)

    @invariant()
    def holds(self) -> None:
        self.world.check()


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL")


def test_no_storm_loses_a_job_or_gives_a_device_twice() -> None:
    run_state_machine_as_test(
        Storm,
        settings=settings(
            max_examples=24,
            stateful_step_count=50,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


# Every named point ---------------------------------------------------------------------------

POINT = re.compile(r'crash\.point(?:\(|, )"([a-z_.]+)"')
# Those in the ranks and in their leader are killed as real processes: tests/faults.
SIMULATED = ("platform/trackside", "workers")


def points(*places: str) -> list[str]:
    """The names of the crash points in these folders."""
    files = [one for place in places for one in (ROOT / place).rglob("*.py")]
    return sorted({name for one in files for name in POINT.findall(one.read_text())})


@pytest.fixture
def world() -> Iterator[World]:
    with World() as one:
        yield one


def day(world: World) -> Iterator[None]:
    """A little of everything that happens to jobs: each point is come by at least once."""
    world.click(WISHES[2])  # on both nodes
    yield from rounds(world, 5)
    steps(world)
    yield from rounds(world)
    for gang in list(world.gangs):
        world.succeed(gang)
    world.click(WISHES[0])  # on a GPU that a stranger has taken meanwhile
    world.spoil(process={"pid": 4711, "name": "python", "user": "root", "memory_gb": 20})
    yield from rounds(world)
    world.spoil()
    for wish in (*WISHES, WISHES[0]):
        world.click(wish)
    yield from rounds(world, 3)
    steps(world)
    yield from rounds(world)
    for number, how in enumerate(ORDERS * 2):
        world.order(number, how)
    yield from rounds(world)
    for gang in world.gangs:
        gang.obey()
    yield from rounds(world)
    world.order(0, "resume")
    for gang in [one for one in world.gangs if one.alive][:1]:
        gang.end(None)
    yield from rounds(world)
    world.spoil(failed="It has fallen off the bus.")
    yield from rounds(world)
    world.agents["east"] = None  # past every lease
    world.wait(200)
    yield from rounds(world, 2, without="east")


def rounds(world: World, times: int = 1, *, without: str = "") -> Iterator[None]:
    for _ in range(times):
        for name in NODES:
            if world.agents[name] is None and name != without:
                world.start(name)
            world.turn(name)
        while world.messages:
            world.deliver(0)
        world.schedule()
        world.wait(2)
        yield


def steps(world: World) -> None:
    for one in world.gangs:
        if one.alive and one.first:
            for step in range(8):
                one.write("step", epoch=0.1, step=step, loss=0.5)
            one.keep()


def test_a_crash_at_each_named_point_loses_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "THIN_EVERY", 12)
    monkeypatch.setattr(history, "CHARTED", {"step": (1, 1)})
    list(day(world))
    first = {name: place for place, name in reversed(list(enumerate(world.passed)))}
    world.settle()
    assert Job.objects.filter(state="succeeded").exists()
    world.__exit__()
    left = sorted(first, key=lambda name: first[name])
    while left:
        crashed = one_day_of_crashes(left)
        assert crashed, f"the day never came by {left}"
        left = [name for name in left if name not in crashed]
    missed = set(points(*SIMULATED)) - set(first)
    assert not missed, f"the day never came by {sorted(missed)}"


def one_day_of_crashes(names: list[str]) -> list[str]:
    """Those of the points at which a process ended, one after the other as the day comes by."""
    crashed: list[str] = []
    with World() as world:
        world.armed = (names[0], 1)
        for _ in day(world):
            while world.crashes > len(crashed) and len(crashed) < len(names):
                crashed.append(names[len(crashed)])
                if len(crashed) < len(names):
                    world.armed = (names[len(crashed)], 1)
        world.settle()
    return crashed


def test_the_search_for_crash_points_finds_them(tmp_path: Path) -> None:
    assert {"gang.leader_told", "agent.claimed"} <= set(points("recipes", "workers"))
