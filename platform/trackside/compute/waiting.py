"""The queue as the board shows it: who waits, for what, why, and in which order.

Only the first jobs are shown, and all are counted: with 100,000 of them a page has no use for more.
"""

from collections import Counter
from datetime import datetime
from typing import Any

from django.apps import apps
from django.db.models import FloatField, QuerySet
from django.db.models.functions import Cast, Coalesce

from trackside.compute.placement.ordering import Place, ordered
from trackside.ui.words import plural

SHOWN = 200
NEAR = 20_000  # of the most urgent, in which the first are looked for
_PLACE = ("id", "priority", "turn", "since", "paused")
COLUMNS = (
    "id",
    "kind",
    "title",
    "reason",
    "compute",
    "priority",
    "preemptible",
    "paused",
    "created_at",
    "created_by_id",
    "created_by__username",
    "created_by__display_name",
    "project_id",
    "project__key",
)
WANTS = ("kind", "uuids", "count", "nodes", "name", "min_free", "ranks", "share", "memory")


def queued() -> QuerySet[Any]:
    """Jobs that wait."""
    jobs: QuerySet[Any] = apps.get_model("jobs", "Job").objects.filter(state="queued")
    return jobs


def queue(now: datetime) -> tuple[list[dict[str, Any]], int]:
    """The first of the queue as plain rows, and how many wait in all.

    The order is placement's own; paused jobs stand at its end.
    """
    total = queued().count()
    turn = Coalesce("turn", Cast("id", FloatField()))
    counted = queued().annotate(since=Coalesce("waits_since", "created_at"))
    near = counted.order_by("paused", "-priority", turn, "id")[:NEAR]
    places, paused = [], []
    for pk, priority, moved, since, stands in near.values_list(*_PLACE):
        if stands:
            paused.append(pk)
        else:
            places.append(Place(pk, priority, since.timestamp(), moved))
    first = [*ordered(places, now.timestamp()), *paused][:SHOWN]
    rows = {row["id"]: row for row in queued().filter(pk__in=first).values(*COLUMNS)}
    there = [rows[pk] for pk in first if pk in rows]
    return [_entry(row, place) for place, row in enumerate(there, start=1)], total


def wanted(entries: list[dict[str, Any]]) -> Counter[str]:
    """How many of these wait for each GPU."""
    return Counter(uuid for one in entries for uuid in one["uuids"])


def wish(wants: dict[str, Any], labels: dict[str, str]) -> str:
    """What a waiting job asks for, in words; `labels` names GPUs by their UUID."""
    share = "a share of " if wants.get("share") == "shared" else ""
    if wants.get("kind") == "gpus":
        return share + ", ".join(labels.get(one, "a GPU that is gone") for one in wants["uuids"])
    if wants.get("kind") == "any":
        model = f"{wants['name']} " if wants.get("name") else ""
        number = int(wants.get("count") or 1)
        room = f" with {wants['min_free'] / 2**30:.3g} GiB free" if wants.get("min_free") else ""
        nodes = int(wants.get("nodes") or 1)
        over = f" on up to {nodes} nodes" if nodes > 1 else ""
        return f"{share}any {plural(number, f'{model}GPU')}{room}{over}"
    ranks = int(wants.get("ranks") or 1)
    return f"CPU, {plural(ranks, 'rank')}"


def _entry(row: dict[str, Any], place: int) -> dict[str, Any]:
    compute = row["compute"] or {}
    since: datetime = row["created_at"]
    return {
        "id": row["id"],
        "kind": row["kind"],
        "title": row["title"],
        "user": row["created_by__display_name"] or row["created_by__username"] or "",
        "user_id": row["created_by_id"],
        "project_id": row["project_id"],
        "project": row["project__key"],
        "reason": row["reason"],
        "position": place,
        "priority": row["priority"],
        "preemptible": row["preemptible"],
        "paused": row["paused"],
        "since": since.isoformat(),
        "wants": {key: compute[key] for key in WANTS if compute.get(key) not in (None, "", [])},
        "uuids": compute.get("uuids") or [],
    }
