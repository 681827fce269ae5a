"""What nodes report: the only writer of Node, Gpu and UsagePeak."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from trackside.compute import usage
from trackside.compute.draining import NotAdministrator, break_gpu, drain, mend_gpu, undrain
from trackside.compute.models import Gpu, Node, NodeState, UsagePeak

__all__ = ["NotAdministrator", "break_gpu", "drain", "mend_gpu", "undrain"]

SUSPECT_AFTER = timedelta(seconds=settings.SUSPECT_SECONDS)
LOST_AFTER = timedelta(seconds=settings.LOST_SECONDS)
HISTORY = 60
KEPT_PEAKS = 50


class StaleNode(Exception):
    """A newer agent has registered under this name: the older one must end itself."""


@dataclass(frozen=True, kw_only=True)
class NodeFacts:
    """What an agent knows of its machine when it starts."""

    name: str
    boot_id: str
    cores: int
    memory_total: int
    driver: str = ""
    cuda: str = ""
    simulated: bool = False
    why_no_gpu: dict[str, Any] | None = None  # {"code","text","steps":[...]}
    address: str = ""  # where ranks on other nodes reach this one's
    interface: str = ""
    topology: dict[str, Any] = field(default_factory=dict)  # models.Node.topology


@dataclass(frozen=True, kw_only=True)
class GpuFacts:
    """A device as it was found at registration."""

    uuid: str
    index: int
    name: str
    memory_total: int
    capability: str = ""
    power_limit: float | None = None
    parent: str = ""  # a MIG slice's card
    slots: int = 4


@dataclass(frozen=True, kw_only=True)
class GpuSample:
    """A device now. `processes` are those that are not ours."""

    uuid: str
    memory_used: int
    utilization: float
    temperature: float | None = None
    power: float | None = None
    health: str = "ok"  # ok, foreign, dirty, failed
    health_note: str = ""
    processes: list[dict[str, Any]] = field(default_factory=list)
    errors: dict[str, Any] = field(default_factory=dict)  # {"ecc","retired","xid","slowed"}
    broken: str = ""  # a sentence: out of service from now on, until somebody mends it


@dataclass(frozen=True, kw_only=True)
class NodeSample:
    """A machine now; `cpu_load` is in percent of all cores."""

    cpu_load: float
    memory_free: int
    warm: bool
    vitals: dict[str, Any] = field(default_factory=dict)  # models.Node.vitals


def queue_of(name: str) -> str:
    """The Celery queue of a node's doorbells."""
    return f"node.{name}"


@transaction.atomic
def register_node(
    facts: NodeFacts, gpus: Sequence[GpuFacts], *, now: datetime
) -> tuple[Node, bool]:
    """Upsert by name: a registration always wins, by raising the epoch.

    The second answer tells that the machine was rebooted: nothing of its former attempts runs.
    """
    before = Node.objects.filter(name=facts.name).values_list("boot_id", flat=True).first()
    values = {key: one for key, one in asdict(facts).items() if key != "name"}
    node, _ = Node.objects.update_or_create(
        name=facts.name,
        defaults={
            **values,
            "queue": queue_of(facts.name),
            "heartbeat_at": now,
            "registered_at": now,
            "state": NodeState.ONLINE,
            "warm": False,
        },
    )
    Node.objects.filter(pk=node.pk).update(epoch=F("epoch") + 1)
    rebooted = bool(before) and before != facts.boot_id
    if rebooted:
        Gpu.objects.filter(node=node).update(broken="")
    _keep_devices(node, gpus)
    node.refresh_from_db()
    return node, rebooted


def _keep_devices(node: Node, gpus: Sequence[GpuFacts]) -> None:
    """A card that was there and is not any more has failed, unless none can be seen at all."""
    found = {one.uuid for one in gpus}
    back = Gpu.objects.filter(uuid__in=found, present=False)
    back.update(broken="")
    for one in gpus:
        device = {key: value for key, value in asdict(one).items() if key != "uuid"}
        Gpu.objects.update_or_create(
            uuid=one.uuid, defaults={**device, "node": node, "present": True}
        )
    missing = Gpu.objects.filter(node=node, present=True).exclude(uuid__in=found)
    if gpus and not node.simulated:
        cut = {one.parent for one in gpus if one.parent}
        cards = missing.filter(parent="", broken="").exclude(uuid__in=cut)
        cards.update(broken=f"It was not found when {node.name} was looked through.")
    missing.update(present=False)


@transaction.atomic
def heartbeat(
    node: int, epoch: int, sample: NodeSample, gpus: Sequence[GpuSample], *, now: datetime
) -> None:
    """One batched sample of a node. Raises StaleNode when a newer agent has registered."""
    touched = Node.objects.filter(pk=node, epoch=epoch).update(heartbeat_at=now, **asdict(sample))
    if not touched:
        raise StaleNode(f"Another agent has taken over node {node}; this one is of epoch {epoch}.")
    rows = {gpu.uuid: gpu for gpu in Gpu.objects.filter(node_id=node).prefetch_related("leases")}
    for one in gpus:
        if one.uuid in rows:
            _keep(rows[one.uuid], one, now)


def _keep(gpu: Gpu, sample: GpuSample, now: datetime) -> None:
    """Only what was sampled: somebody may be writing that the device is broken."""
    usage.count(gpu, sample.utilization, sample.power, now)
    values = asdict(sample)
    del values["uuid"], values["broken"]
    if sample.broken:
        break_gpu(gpu.uuid, sample.broken)
    busy = sample.utilization > 1 or bool(sample.processes) or bool(gpu.leases.all())
    values |= {
        "history": [*gpu.history, round(sample.utilization, 1)][-HISTORY:],
        "idle_since": None if busy else gpu.idle_since or now,
        "sampled_at": now,
    }
    Gpu.objects.filter(pk=gpu.pk).update(**values)


def set_catalogue(node: int, catalogue: dict[str, Any]) -> None:
    """What the node can do (docs/jobs.md): it comes some seconds after the registration."""
    Node.objects.filter(pk=node).update(catalogue=catalogue)


def catalogue() -> dict[str, Any]:
    """The catalogue that forms and estimates use: the fullest of the nodes heard from last."""
    rows = Node.objects.order_by("-heartbeat_at").values_list("catalogue", flat=True)
    known = [one for one in rows if one.get("backbones")]
    return max(known, key=_fullness, default={})


def libraries() -> dict[str, str]:
    """What algorithms need, with its version, as far as any machine that is there has it."""
    now = timezone.now()
    found: dict[str, str] = {}
    for node in Node.objects.order_by("heartbeat_at"):
        if state_of(node, now) != NodeState.LOST:
            found |= node.catalogue.get("libraries") or {}
    return found


def _fullness(one: dict[str, Any]) -> int:
    return sum(1 for net in one["backbones"] if net.get("activation"))


def state_of(node: Node, now: datetime) -> NodeState:
    """By the age of the last heartbeat, whatever the row says."""
    if node.heartbeat_at is None or now - node.heartbeat_at > LOST_AFTER:
        return NodeState.LOST
    if now - node.heartbeat_at > SUSPECT_AFTER:
        return NodeState.SUSPECT
    return NodeState.DRAINING if node.draining else NodeState.ONLINE


def age(now: datetime) -> None:
    """Write the state by age into the rows, for lists and filters."""
    for node in Node.objects.only("state", "draining", "heartbeat_at"):
        state = state_of(node, now)
        if state != node.state:
            Node.objects.filter(pk=node.pk, state=node.state).update(state=state)


def learn(need: dict[str, Any], facts: dict[str, Any]) -> None:
    """Keep what a finished training really took (docs/jobs.md, a train result's `facts`).

    `need` is the estimate of its submit; the oldest measurements of a key go.
    """
    ranks = max(1, int(facts.get("ranks") or 1))
    UsagePeak.objects.create(
        key=need["key"],
        batch=int(need.get("batch") or 0),
        estimated=int(need.get("formula") or 0),
        peak=int(facts.get("peak_memory") or 0),
        rate=float(facts.get("rate") or 0) / ranks,
        ranks=ranks,
        images=sum(int(n) for n in (facts.get("images") or {}).values()),
        epochs=int(facts.get("epochs") or 0),
        seconds=float(facts.get("seconds") or 0),
        device=str(facts.get("device") or "")[:80],
    )
    rows = UsagePeak.objects.filter(key=need["key"]).order_by("-id")
    UsagePeak.objects.filter(id__in=list(rows.values_list("id", flat=True)[KEPT_PEAKS:])).delete()


def peaks() -> list[UsagePeak]:
    """Measured trainings, newest first, for `fit.estimate` and `outlook.duration`."""
    return list(UsagePeak.objects.order_by("-id")[:1000])
