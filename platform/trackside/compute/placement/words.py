"""The plain rows that placement reads and writes. Times are seconds of one clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Links = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, kw_only=True)
class Hold:
    """Who has a device, or a share of it, and until when."""

    job: int
    ends: float | None = None  # the latest moment; None: nobody knows
    priority: int = 0
    started: float = 0.0
    waited: float = 0.0  # how long it had waited when it started
    preemptible: bool = False
    yielding: bool = False  # was asked to give way already
    shared: bool = False
    memory: int = 0  # the budget of a shared job
    share: int = 0


@dataclass(frozen=True, kw_only=True)
class Device:
    """A GPU, or a slice of one. `why` says, as the end of a sentence, what keeps it from being
    given to one job alone. Only what `holds` names may still be shared or made to give way."""

    uuid: str
    index: int
    name: str
    memory_total: int
    memory_free: int
    why: str = ""  # "", "is in use by Ana with job 12", "is used by a process outside Trackside"
    never: bool = False  # absent or broken: a wait of its own accord will not help
    slots: int = 1  # shares that it can be given in
    parent: str = ""  # the card of a slice
    holds: tuple[Hold, ...] = ()

    def label(self, node: str) -> str:
        return f"GPU {self.index} ({self.name.replace(' (simulated)', ', simulated')}) on {node}"


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A node. `why` is empty when jobs may be placed on it."""

    id: int
    name: str
    cores: int
    free_cores: tuple[int, ...] = ()
    free_quick: tuple[int, ...] = ()
    gpus: tuple[Device, ...] = ()
    simulated: bool = False
    why: str = ""  # "is offline", "is draining"
    links: Links = field(default_factory=dict)  # Node.topology["links"]


@dataclass(frozen=True, kw_only=True)
class Request:
    """What one waiting job wants."""

    job: int
    kind: Literal["cpu", "quick", "gpus", "any"]
    ranks: int = 1
    uuids: tuple[str, ...] = ()
    count: int = 1
    nodes: int = 1  # any: on at most so many machines
    min_free: int = 0
    name: str = ""
    roomy: int = 0  # bytes that the estimate asks for: GPUs with as much free come first
    shared: bool = False
    memory: int = 0  # shared: the budget on each GPU
    priority: int = 0
    since: float = 0.0  # when it began to wait: what it ran before it gave way does not count
    turn: float = 0.0  # its place among equals
    preemptible: bool = False
    seconds: float | None = None  # how long it may still run; None: nobody knows
    blocked: frozenset[int] = frozenset()  # machines that it is not to be tried on
    lacking: frozenset[int] = frozenset()  # those of them that lack what it needs
    exposed: frozenset[int] = frozenset()  # and those where others would reach its ranks
    user: int | None = None
    project: int | None = None
    hold: str = ""  # a sentence: not to be placed before that

    @property
    def gpus(self) -> int:
        return {"gpus": len(self.uuids), "any": self.count}.get(self.kind, 0)


@dataclass(frozen=True, kw_only=True)
class Part:
    """What one machine gives. `shares`, of a shared job: the share of each GPU."""

    machine: Machine
    uuids: tuple[str, ...] = ()
    cores: tuple[int, ...] = ()
    shares: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Where a job goes; without parts it waits, and `reason` says why."""

    job: int
    parts: tuple[Part, ...] = ()
    quick: int | None = None
    reason: str = ""
    preempt: tuple[int, ...] = ()  # the jobs that are to give way to it
    starts: float | None = None  # it waits: no later than this, if nobody more urgent comes

    @property
    def uuids(self) -> tuple[str, ...]:
        return tuple(uuid for part in self.parts for uuid in part.uuids)

    @property
    def cores(self) -> tuple[int, ...]:
        """The first part's."""
        return self.parts[0].cores if self.parts else ()


@dataclass(kw_only=True)
class Allowance:
    """A quota: the most GPUs at once of `who`, and how many are held."""

    who: str  # "Ana", "project INSECTS": the beginning of a sentence
    most: int
    held: int = 0


Limits = Mapping[tuple[str, int | None], Allowance]  # by ("user", 3) and ("project", 7)
