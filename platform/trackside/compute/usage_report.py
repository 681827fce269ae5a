"""Usage for people: by day, by user or by project, as a table, a chart and CSV.

Administrators see everything. Everybody else sees their own jobs and those of their projects; what
others did elsewhere stays unnamed, in one line.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from trackside.accounts.models import User
from trackside.compute.models import Usage
from trackside.projects.access import projects_of

BY = {"day": "Day", "user": "User", "project": "Project"}
DAYS = (7, 30, 90, 365)
OTHERS = "Others"
GONE = {"user": "A deleted user", "project": "A deleted project"}
AMOUNTS = ("gpu_seconds", "used_seconds", "core_seconds", "energy_wh", "jobs")
HOUR = 3600


@dataclass
class Line:
    """One line of the table. `simulated` GPUs are never added to real ones."""

    label: str
    simulated: bool
    key: str = ""  # a project's, for its members
    gpu_seconds: float = 0
    used_seconds: float = 0
    core_seconds: float = 0
    energy_wh: float = 0
    jobs: int = 0

    @property
    def gpu_hours(self) -> float:
        return self.gpu_seconds / HOUR

    @property
    def used_hours(self) -> float:
        return self.used_seconds / HOUR

    @property
    def core_hours(self) -> float:
        return self.core_seconds / HOUR

    @property
    def energy_kwh(self) -> float:
        return self.energy_wh / 1000

    @property
    def share(self) -> float | None:
        """Percent of the allocated time that was used."""
        return 100 * self.used_seconds / self.gpu_seconds if self.gpu_seconds else None

    def add(self, row: dict[str, Any]) -> None:
        for name in AMOUNTS:
            setattr(self, name, getattr(self, name) + row[name])

    def shown(self) -> dict[str, Any]:
        """As REST and CSV have it."""
        return {
            "label": self.label,
            "simulated": self.simulated,
            "gpu_hours": round(self.gpu_hours, 3),
            "used_hours": round(self.used_hours, 3),
            "core_hours": round(self.core_hours, 3),
            "energy_kwh": round(self.energy_kwh, 4),
            "jobs": self.jobs,
        }


@dataclass
class Report:
    """`lines` by what was asked for, `days` one a day for the chart, `total` of all of them."""

    by: str
    since: date
    until: date
    lines: list[Line] = field(default_factory=list)
    days: list[Line] = field(default_factory=list)
    total: Line = field(default_factory=lambda: Line("Total", simulated=False))


def report(user: User, by: str, days: int, today: date) -> Report:
    """The last `days` days up to `today` (UTC), both ends included."""
    since = today - timedelta(days=days - 1)
    rows = _rows(since, today)
    mine = set(projects_of(user).values_list("pk", flat=True))
    found = Report(by=by, since=since, until=today)
    lines: dict[tuple[object, bool], Line] = {}
    for row in rows:
        key, label = _label(row, by, user, mine)
        who = label if label == OTHERS else row.get(f"{by}_id", label)
        line = lines.setdefault((who, row["simulated"]), Line(label, row["simulated"], key))
        line.add(row)
        found.total.add(row)
    found.total.simulated = bool(lines) and all(one.simulated for one in lines.values())
    order = (lambda one: one.label) if by == "day" else (lambda one: -one.gpu_seconds)
    found.lines = sorted(lines.values(), key=order, reverse=by == "day")
    found.days = _days(rows, since, today)
    return found


def _rows(since: date, until: date) -> list[dict[str, Any]]:
    names = ("user__username", "user__display_name", "project__key", "project__name")
    found = Usage.objects.filter(day__gte=since, day__lte=until)
    return list(found.values("day", "user_id", "project_id", "simulated", *AMOUNTS, *names))


def _label(row: dict[str, Any], by: str, user: User, mine: set[int]) -> tuple[str, str]:
    """What the row counts for: (key, label)."""
    if by == "day":
        return "", row["day"].isoformat()
    own = row["user_id"] == user.pk
    if not (user.is_staff or own or row["project_id"] in mine):
        return "", OTHERS
    if by == "user":
        return "", row["user__display_name"] or row["user__username"] or GONE["user"]
    if row["project_id"] in mine:
        return row["project__key"], row["project__name"]
    if not user.is_staff:
        return "", OTHERS  # a project that one has left
    return "", row["project__name"] or GONE["project"]


@dataclass
class Chart:
    """Bars of one day each, in the units of the drawing; the highest is 116 high."""

    width: int
    bars: list[dict[str, Any]]


def chart(found: Report) -> Chart:
    most = max((one.gpu_hours for one in found.days), default=0) or 1
    bars = []
    for place, one in enumerate(found.days):
        high, used = (116 * hours / most for hours in (one.gpu_hours, one.used_hours))
        bars.append(
            {
                "label": one.label,
                "gpu_hours": one.gpu_hours,
                "used_hours": one.used_hours,
                "x": 10 * place + 1,
                "top": f"{120 - high:.2f}",
                "high": f"{high:.2f}",
                "used_top": f"{120 - used:.2f}",
                "used_high": f"{used:.2f}",
            }
        )
    return Chart(width=10 * len(bars), bars=bars)


def _days(rows: Iterable[dict[str, Any]], since: date, until: date) -> list[Line]:
    """Every day, also those on which nothing ran."""
    number = (until - since).days + 1
    days = {since + timedelta(days=n): Line("", simulated=False) for n in range(number)}
    for day, line in days.items():
        line.label = day.isoformat()
    for row in rows:
        days[row["day"]].add(row)
    return list(days.values())
