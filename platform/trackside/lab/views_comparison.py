"""Champion and challengers on one page; the address is the whole state, so it can be sent on."""

from typing import Any
from urllib.parse import urlencode, urlsplit

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from trackside.accounts.gate import caller, signed_in
from trackside.jobs.states import JOB_OVER
from trackside.lab import (
    comparison,
    comparison_charts,
    comparison_design,
    comparison_paired,
    reports,
)
from trackside.lab.entrants import MOST, Entrant, champion, chosen, opened, others
from trackside.lab.pages import wants_json
from trackside.lab.trouble import Refused
from trackside.projects.access import may_edit, project_for
from trackside.projects.models import Project, Role

Json = dict[str, Any]


@signed_in
@require_GET
def compare(request: HttpRequest, key: str) -> HttpResponse:
    """`?of=12&of=churn:3`, `&champion=` one of them; `figure`, `class` and `mode` of its parts."""
    project = project_for(request.user, key)
    keys = list(dict.fromkeys(one for one in request.GET.getlist("of") if one))
    context: Json = {"project": project, "may_edit": may_edit(project), "most": MOST}
    try:
        found = [opened(project, keys[0])] if len(keys) == 1 else chosen(project, keys)
    except Refused as refused:
        if there := _came_from(request, project):
            messages.warning(request, str(refused))
            return redirect(there)
        return render(request, "lab/comparison.html", context | {"refused": str(refused)})
    first = champion(found, request.GET.get("champion", ""))
    context |= {
        "found": [_head(project, one, found, first) for one in found],
        "champion": first,
        "others": others(project, found) if len(found) < MOST else [],
        "images": first.card.data == "images",
        "task": first.card,
    }
    if len(found) > 1:
        context |= _compared(request, project, found, first)
    return render(request, "lab/comparison.html", context)


def _came_from(request: HttpRequest, project: Project) -> str:
    """The page of the project that led here, and can say what was refused; "": none did.

    Others do not count: the sign-in would send the browser back here, and so on for ever.
    """
    there = request.headers.get("Referer", "")
    ours = url_has_allowed_host_and_scheme(there, {request.get_host()}, request.is_secure())
    path = urlsplit(there).path
    inside = path.startswith(reverse("project", args=[project.key])) and path != request.path
    return there if ours and inside else ""


def _compared(request: HttpRequest, project: Project, found: list[Entrant], first: Entrant) -> Json:
    job = comparison_paired.newest(project, found, first)
    pairs = comparison_paired.pairs(job, found)
    rows = comparison.same_rows(found, first, pairs)
    lines = comparison.figures(found, first, pairs)
    figure = request.GET.get("figure", "")
    figure = figure if figure in dict(comparison.CLASS_FIGURES) else comparison.CLASS_FIGURES[0][0]
    mode = reports.mode_of(request.GET.get("mode"))
    wanted = request.GET.get("class", "")
    return {
        "job": job,
        "waits": job is not None and job.state not in JOB_OVER,
        "pairs": pairs,
        "apart": len({one.fingerprint for one in found}) > 1 or comparison_paired.knew(found),
        "same": rows,
        "lines": lines,
        "verdict": comparison.verdict(found, first, lines, rows["same"]),
        "tested": comparison.figures(found, first, {}, "test"),
        "same_test": comparison.same_test(found),
        "figure": figure,
        "figures": comparison.CLASS_FIGURES,
        "per_class": comparison.by_class(found, first, figure),
        "mode": mode,
        "modes": reports.MODES,
        "matrices": comparison.confusions(found, mode),
        "classes": comparison_charts.classes(found),
        "wanted": wanted,
        "drawings": comparison_charts.charts(found, wanted),
        "importance": comparison.importance(found, first),
        "design": comparison_design.differences(found),
        "facts": comparison_design.facts(found),
    }


def _head(project: Project, one: Entrant, found: list[Entrant], first: Entrant) -> Json:
    """A model at the top of its column, and where its buttons lead."""
    keys = [each.key for each in found]
    left = [each for each in keys if each != one.key]
    version = one.version
    return {
        "one": one,
        "champion": one is first,
        "as_champion": address(project, keys, one.key),
        "without": address(project, left, first.key if first.key in left else ""),
        "activate": reverse("version_activate", args=[project.key, version.saved_model.name,
                                                      version.number])
        if version is not None and not version.active
        else "",
        "here": address(project, keys),
    }  # fmt: skip


def address(project: Project, keys: list[str], first: str = "") -> str:
    """The comparison of these, as a link."""
    asked = [("of", one) for one in keys] + ([("champion", first)] if first else [])
    return f"{reverse('comparison', args=[project.key])}?{urlencode(asked)}"


@signed_in
@require_POST
def judge(request: HttpRequest, key: str) -> HttpResponse:
    """Start the quick job that says which differences are more than chance."""
    user = caller(request)
    project = project_for(user, key, Role.EDITOR)
    keys = request.POST.getlist("of")
    try:
        found = chosen(project, keys)
        first = champion(found, request.POST.get("champion", ""))
        comparison_paired.start(project, user, found, first)
    except Refused as refused:
        context = {"project": project, "may_edit": True, "refused": str(refused)}
        return render(request, "lab/comparison.html", context)
    if wants_json(request):
        return HttpResponse(status=204)
    return redirect(address(project, [one.key for one in found], first.key))
