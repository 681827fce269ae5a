"""Pages of the fleet: the GPUs live, what was used, who may have how much."""

from contextlib import suppress
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from trackside.accounts.gate import caller, signed_in
from trackside.accounts.models import User
from trackside.compute import installed, quotas, usage_report
from trackside.compute.board import board
from trackside.compute.draining import must_administer
from trackside.compute.fleet_page import machines, summary
from trackside.compute.models import Quota
from trackside.compute.urgency import most_urgent
from trackside.projects.access import project_for
from trackside.projects.models import Project
from trackside.ui import spreadsheet
from trackside.ui.streaming import streamed

CSV = "text/csv; charset=utf-8"
COLUMNS = ("label", "simulated", "gpu_hours", "used_hours", "core_hours", "energy_kwh", "jobs")


def _frame(request: HttpRequest) -> dict[str, Any]:
    """`?project=KEY` only keeps that project's navigation."""
    context: dict[str, Any] = {"may_administer": caller(request).is_staff}
    with suppress(Http404):
        context["project"] = project_for(request.user, request.GET.get("project", ""))
    return context


@signed_in
@require_GET
def gpus(request: HttpRequest) -> HttpResponse:
    """Every node with its GPUs as live tiles, and who waits for what."""
    seen = board(request.user)
    context = {
        "board": seen,
        "machines": machines(seen),
        "libraries": installed.shown(),
        "most_urgent": most_urgent(caller(request)),
        **summary(seen),
        **_frame(request),
    }
    part = "compute/_fleet.html" if request.GET.get("part") == "fleet" else "compute/gpus.html"
    return render(request, part, context)


def _asked(request: HttpRequest) -> usage_report.Report:
    by = request.GET.get("by", "")
    days = request.GET.get("days", "")
    return usage_report.report(
        caller(request),
        by if by in usage_report.BY else "project",
        int(days) if days in map(str, usage_report.DAYS) else 30,
        timezone.now().date(),
    )


@signed_in
@require_GET
def usage(request: HttpRequest) -> HttpResponse:
    """GPU-hours allocated and used, core-hours and energy."""
    found = _asked(request)
    context = {
        "report": found,
        "choices": usage_report.BY.items(),
        "spans": usage_report.DAYS,
        "days": len(found.days),
        "chart": usage_report.chart(found),
        "most": max([one.gpu_hours for one in found.days] or [0]),
        **_frame(request),
    }
    return render(request, "compute/usage.html", context)


@signed_in
@require_GET
def usage_csv(request: HttpRequest) -> HttpResponseBase:
    """The same table for a spreadsheet."""
    found = _asked(request)
    rows = [(found.by, *COLUMNS[1:])]
    rows += [tuple(line.shown()[name] for name in COLUMNS) for line in found.lines]
    name = f"usage-by-{found.by}-{found.since}-{found.until}.csv"
    return streamed(request, spreadsheet.pieces(rows), content_type=CSV, filename=name)


@signed_in
@require_GET
def quotas_page(request: HttpRequest) -> HttpResponse:
    """For administrators: the most GPUs at once of users and projects."""
    must_administer(caller(request), "see and change quotas")
    rows = list(quotas.all_rows())
    context = {
        "rows": _held([row for row in rows if row.user or row.project]),
        "everybody": next((row for row in rows if not row.user and not row.project), None),
        "users": User.objects.filter(is_active=True).order_by("username"),
        "projects": Project.objects.order_by("key"),
        **_frame(request),
    }
    return render(request, "compute/quotas.html", context)


def _held(rows: list[Quota]) -> list[Quota]:
    """With how many GPUs each holds now."""
    users, projects = ([getattr(row, f"{sort}_id") for row in rows] for sort in ("user", "project"))
    found = quotas.limits(users, projects)
    for row in rows:
        key = ("user", row.user_id) if row.user_id else ("project", row.project_id)
        row.held = found[key].held if key in found else 0  # type: ignore[attr-defined]
    return rows
