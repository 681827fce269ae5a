"""Which machines give the ranks of a job a network of their own, as their agents have told.

For ranks that listen on all addresses without a password: nobody else reaches them there.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from django.conf import settings
from django.utils import timezone

from trackside.compute.models import Gpu, Node
from trackside.compute.services import LOST_AFTER

SEVERAL = "over several machines its ranks listen on all addresses of theirs, without a password"
OLD = "its agent is that of an earlier Trackside"
HELP = "docs/deploying.md, Ports, says what helps."
UNKNOWN = "its agent has not told yet"
_ASKED = ("pk", "name", "heartbeat_at", "catalogue__versions", "catalogue__why_no_own_network")
# What was found of each wish within `looked_once`.
_found: ContextVar[dict[Any, str] | None] = ContextVar("found", default=None)


class _Told(NamedTuple):
    pk: int
    name: str
    why: str  # it does not; "": it does
    there: bool  # it has been heard of lately


def lacking() -> set[int]:
    """The nodes that do not; also one that has not told yet: what is not known is not left open."""
    return {one.pk for one in _told() if one.why}


@contextmanager
def looked_once() -> Iterator[None]:
    """Within, the nodes are asked once for each wish, however many models ask."""
    before = _found.set({})
    try:
        yield
    finally:
        _found.reset(before)


def refusal(compute: dict[str, Any]) -> str:
    """Why several ranks cannot have one for themselves where this wish goes; "" where they may.

    One that has not told yet may: the job waits for its word. The wish may be of any shape: who
    cleans it says what is wrong with it.
    """
    uuids = compute.get("uuids")
    chosen = tuple(one for one in uuids if isinstance(one, str)) if isinstance(uuids, list) else ()
    wish = str(compute.get("kind")), chosen, compute.get("nodes") in (None, 1)
    found = _found.get()
    if found is None:
        return _refusal(*wish)
    if wish not in found:
        found[wish] = _refusal(*wish)
    return found[wish]


def _refusal(kind: str, chosen: tuple[str, ...], alone: bool) -> str:
    if kind not in ("gpus", "any"):
        return _none_of(_there(_told()))
    rows = Gpu.objects.filter(pk__in=chosen) if kind == "gpus" else Gpu.objects.filter(present=True)
    nodes = set(rows.values_list("node_id", flat=True))
    if len(nodes) > 1 if kind == "gpus" else not alone:
        return SEVERAL
    meant = [one for one in _told() if one.pk in nodes]
    return _none_of(meant if kind == "gpus" else _there(meant))


def in_words(name: str, why: str | None) -> str:
    """For the page of a node that has told: what it lacks and what helps; "" where it closes it."""
    if why == "":
        return ""
    gives = f"{name} gives several ranks no network of their own ({OLD if why is None else why})"
    if settings.TRACKSIDE_XGBOOST_RANKS:
        return f"XGBoost's ranks listen on all addresses here, as is allowed: {gives}. {HELP}"
    return f"XGBoost learns here on one GPU or in one process: {gives}. {HELP}"


def _told() -> list[_Told]:
    now = timezone.now()
    return [
        _Told(
            pk,
            name,
            (UNKNOWN if versions is None else OLD) if why is None else why,
            heard is not None and now - heard <= LOST_AFTER,
        )
        for pk, name, heard, versions, why in Node.objects.order_by("name").values_list(*_ASKED)
    ]


def _there(nodes: list[_Told]) -> list[_Told]:
    """Those that are not lost; all, where all are."""
    return [one for one in nodes if one.there] or nodes


def _none_of(nodes: list[_Told]) -> str:
    """Of these, what the first one says; "" where any may, or there is none."""
    if not nodes or any(one.why in ("", UNKNOWN) for one in nodes):
        return ""
    _, name, why, _ = nodes[0]
    gives = f"{name} gives them no network of their own ({why})"
    return f"several ranks would listen on all addresses: {gives}"
