"""The picker's data: every node and GPU, who holds it, and who waits. One dict, plain JSON.

`load` reads it once for everybody; `show` hides from one user what is not theirs to see.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet

from trackside.accounts.models import User
from trackside.compute import clock, tiles, waiting
from trackside.compute.fleet import ONE_EACH
from trackside.compute.models import Lease, Node
from trackside.projects.access import projects_of
from trackside.projects.models import Member, Role

HIDDEN = "a job of another project"
# What differs at each look without anything having happened: left out when boards are compared.
CLOCKS = ("at", "heartbeat_age", "idle_s", "eta")
INNER = ("user_id", "project_id", "uuids")
_JOB = ("title", "progress", "preemptible", "created_by__display_name", "created_by__username")
HELD = (
    *("gpu_id", "attempt_id", "taken_at", "shared", "memory", "quarantined", "attempt__job_id"),
    *(f"attempt__job__{name}" for name in (*_JOB, "project__key")),
)

Board = dict[str, Any]


@dataclass(frozen=True)
class Viewer:
    """Whose board it is: the projects they see, those they may change, all for administrators."""

    user: int | None
    projects: frozenset[int]
    edits: frozenset[int] = frozenset()
    staff: bool = False


def viewer(user: User | AnonymousUser) -> Viewer:
    strong = Member.objects.filter(user_id=user.pk or 0, role__in=[Role.EDITOR, Role.OWNER])
    return Viewer(
        user.pk,
        frozenset(projects_of(user).values_list("pk", flat=True)),
        frozenset(strong.values_list("project_id", flat=True)),
        staff=bool(user.is_staff),
    )


def board(user: User | AnonymousUser) -> Board:
    """The board as `user` may see it."""
    return show(load(clock.now()), viewer(user))


def load(now: datetime) -> Board:
    """Everything, for everybody: not to be shown as it is."""
    held: tiles.Held = {}
    for lease in _leases():
        held.setdefault(str(lease.gpu_id), []).append(lease)
    cores = set(Lease.objects.filter(gpu=None).values_list("resource", flat=True))
    queue, total = waiting.queue(now)
    turns = waiting.queued().filter(paused=False).count()
    wanted = waiting.wanted(queue)
    nodes = [
        tiles.node(one, held, cores, wanted, now)
        for one in Node.objects.defer("catalogue").prefetch_related("gpus").order_by("name")
    ]
    labels = {
        gpu["uuid"]: f"GPU {gpu['index']} of {node['name']}"
        for node in nodes
        for gpu in node["gpus"]
    }
    for one in queue:
        one["wish"] = waiting.wish(one["wants"], labels)
    return {"nodes": nodes, "queue": queue, "waiting": total, "turns": turns, "at": now.isoformat()}


def _leases() -> QuerySet[Lease]:
    """Of GPUs, with what a tile tells of who holds them."""
    about = ("attempt__job__created_by", "attempt__job__project")
    held = Lease.objects.filter(ONE_EACH, gpu__isnull=False).select_related(*about)
    return held.only(*HELD).order_by("resource")


def show(full: Board, who: Viewer) -> Board:
    """A copy with the titles of other people's projects hidden."""
    nodes = [{**node, "gpus": [_tile(gpu, who) for gpu in node["gpus"]]} for node in full["nodes"]]
    queue = [_turn(one, who) for one in full["queue"]]
    same = {name: full[name] for name in ("waiting", "turns", "at")}
    return {"nodes": nodes, "queue": queue, **same}


def _tile(gpu: dict[str, Any], who: Viewer) -> dict[str, Any]:
    holders = [_seen(one, who) for one in gpu["holders"]]
    return {**gpu, "holder": _seen(gpu["holder"], who), "holders": holders}


def _turn(one: dict[str, Any], who: Viewer) -> dict[str, Any]:
    """A job that waits; `may_move`: whether the viewer may change its turn."""
    shown = _seen(one, who) or {}
    own = one["user_id"] == who.user and one["project_id"] in who.edits
    shown["may_move"] = who.user is not None and (own or who.staff)
    if one["project_id"] not in who.projects:
        shown |= {"wants": {}, "wish": "", "kind": ""}
    return shown


def _seen(one: dict[str, Any] | None, who: Viewer) -> dict[str, Any] | None:
    if one is None:
        return None
    shown: dict[str, Any] = {key: value for key, value in one.items() if key not in INNER}
    member = one.get("project_id") in who.projects
    shown["mine"] = who.user is not None and one.get("user_id") == who.user
    if "project_id" in one and not member:
        shown["title"] = HIDDEN
        shown |= {key: "" for key in ("reason",) if key in one}
    if "project" in shown and not member:
        shown["project"] = None
    return shown


def still(one: Any) -> Any:
    """The board without its clocks: equal when nothing happened in between."""
    if isinstance(one, dict):
        return {key: still(value) for key, value in one.items() if key not in CLOCKS}
    if isinstance(one, list):
        return [still(value) for value in one]
    return one
