"""How this Trackside is, for its administrators: one dict, plain JSON, with a sentence where
somebody should act.

`state` is ok, wn (works, but look at it) or er (something does not work). Nothing here waits long:
each outside system is asked with a limit of its own.
"""

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from django.db import connection

from trackside.compute import clock, room
from trackside.jobs import broker, health_fleet
from trackside.jobs.leading import SCHEDULER
from trackside.jobs.models import Job, Leader
from trackside.jobs.states import JobState
from trackside.ui import words

SLOW_DATABASE, SLOW_BROKER = 0.1, 0.05  # seconds for one question
ASKED = 3
NEARLY = 4  # times the floor: time to make room before work is refused
FULL_BROKER = 0.8
LONG = 6 * 3600.0  # seconds that a job has waited
Part = dict[str, Any]


def look() -> dict[str, Any]:
    """Everything at once."""
    now = clock.now()
    asked: tuple[Callable[[], Part], ...] = (_database, _broker, _storage, _home)
    parts = [*(ask() for ask in asked), _scheduler(now), _queue(now), health_fleet.clocks(now)]
    nodes = health_fleet.nodes(now, _unheard)
    devices = health_fleet.devices()
    states = [one["state"] for one in (*parts, *nodes, *devices)]
    state = next((worst for worst in ("er", "wn") if worst in states), "ok")
    return {
        "state": state,
        "at": now.isoformat(),
        "to_do": sum(1 for one in states if one != "ok"),
        "parts": parts,
        "nodes": nodes,
        "devices": devices,
    }


def part(name: str, state: str, value: str, note: str = "", **more: Any) -> Part:
    return {"name": name, "state": state, "value": value, "note": note, **more}


def _timed(ask: Callable[[], object]) -> float:
    """Seconds that the quickest of some answers took."""
    took = []
    for _ in range(ASKED):
        before = time.perf_counter()
        ask()
        took.append(time.perf_counter() - before)
    return min(took)


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.{2 if seconds < 0.001 else 0}f} ms"


def ask_database() -> None:
    """The smallest question. Raises DatabaseError."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()


def _database() -> Part:
    """It answers, or this page would not: the session was read from it."""
    took = _timed(ask_database)
    note = "" if took < SLOW_DATABASE else "It is slow: each click and heartbeat waits for it."
    name = {"postgresql": "Postgres", "sqlite": "SQLite"}.get(connection.vendor, connection.vendor)
    value = f"{name} answers in {_milliseconds(took)}"
    return part("Database", "wn" if note else "ok", value, note, seconds=round(took, 5))


def _broker() -> Part:
    try:
        client = broker.client()
        took = _timed(client.ping)
        memory: dict[str, Any] = client.info("memory")
    except (redis.RedisError, OSError) as problem:
        return part(
            "Broker",
            "er",
            "does not answer",
            f"Jobs start some seconds later and pages follow more slowly. ({problem})",
            seconds=None,
        )
    used, most = int(memory.get("used_memory", 0)), int(memory.get("maxmemory", 0))
    note = "" if took < SLOW_BROKER else "It is slow."
    if most and used > FULL_BROKER * most:
        note = "It is nearly full: when it is, doorbells and live news are refused."
    share = f" of {words.size(most)}" if most else ""
    value = f"answers in {_milliseconds(took)}, {words.size(used)}{share} used"
    return part("Broker", "wn" if note else "ok", value, note, seconds=round(took, 5))


def _storage() -> Part:
    return _place("Storage", Path(settings.TRACKSIDE_STORAGE), "New work is refused")


def _home() -> Part:
    return _place("Uploads", Path(settings.FILE_UPLOAD_TEMP_DIR), "Uploads are refused")


def _place(name: str, place: Path, refused: str) -> Part:
    found, floor = room.look(place), int(settings.STORAGE_FLOOR)
    numbers: dict[str, Any] = {
        "free": found.free,
        "total": found.total,
        "floor": floor,
        "place": str(place),
    }
    if found.trouble:
        return part(name, "er", f"cannot be used: {found.trouble}", f"{refused}.", **numbers)
    value = f"{words.size(found.free)} of {words.size(found.total)} free"
    kept = f"below {words.size(floor)}"
    if found.short:
        return part(name, "er", value, f"{refused} {kept}: make room in {place}.", **numbers)
    if found.free < NEARLY * floor:
        return part(name, "wn", value, f"{refused} {kept}: soon, in {place}.", **numbers)
    return part(name, "ok", value, **numbers)


def _scheduler(now: datetime) -> Part:
    row = Leader.objects.filter(pk=SCHEDULER).first()
    if row is None or row.until <= now:
        since = "" if row is None else f" since {words.duration((now - row.until).total_seconds())}"
        return part(
            "Scheduler",
            "er",
            f"none leads{since}",
            "Clicks still place themselves, but nobody notices lost nodes and late jobs. "
            "Start workers.scheduler.",
            holder="" if row is None else row.holder,
        )
    left = words.duration((row.until - now).total_seconds())
    return part("Scheduler", "ok", f"{row.holder} leads (for {left} more)", holder=row.holder)


def _queue(now: datetime) -> Part:
    waiting = Job.objects.filter(state=JobState.QUEUED, paused=False)
    count = waiting.count()
    first = waiting.order_by("created_at").values("id", "created_at", "reason").first()
    if first is None:
        return part("Queue", "ok", "nothing waits", waiting=0, oldest=None)
    age = (now - first["created_at"]).total_seconds()
    about = f"Job {first['id']} has waited longest: {first['reason']}"
    value = f"{words.plural(count, 'job')} waiting, the oldest for {words.duration(age)}"
    state = "wn" if age > LONG else "ok"
    return part("Queue", state, value, about, waiting=count, oldest=round(age), job=first["id"])


def _unheard(queues: Sequence[str]) -> list[int | None]:
    """Doorbells that each node's agent has not taken yet; null when the broker does not say."""
    try:
        asking = broker.client().pipeline(transaction=False)
        for queue in queues:
            asking.llen(f"trackside:{queue}")
        return [int(one) for one in asking.execute()]
    except (redis.RedisError, OSError):
        return [None] * len(queues)
