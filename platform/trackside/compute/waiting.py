"""The queue as the board shows it: who waits, for what, why, and in which order.

Only the first jobs are shown, and all are counted: with 100,000 of them a page has no use for more.
"""

from collections import Counter
from datetime import datetime
from typing import Any

from django.apps import apps
from django.db.models import FloatField, QuerySet
from django.db.models.functions import Cast, Coalesce

SHOWN = 200
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
    """Jobs that wait, in the order of their turn."""
    jobs: QuerySet[Any] = apps.get_model("jobs", "Job").objects.filter(state="queued")
    turn = Coalesce("turn", Cast("id", FloatField()))
    return jobs.order_by("paused", "-priority", turn, "id")


def queue() -> tuple[list[dict[str, Any]], int]:
    """The first of the queue as plain rows, and how many wait in all."""
    rows = list(queued().values(*COLUMNS)[: SHOWN + 1])
    total = len(rows) if len(rows) <= SHOWN else queued().count()
    return [_entry(one, place) for place, one in enumerate(rows[:SHOWN], start=1)], total


def wanted(entries: list[dict[str, Any]]) -> Counter[str]:
    """How many of these wait for each GPU."""
    return Counter(uuid for one in entries for uuid in one["uuids"])


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
