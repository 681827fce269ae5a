"""Champion and challengers, side by side; and whether what separates them is more than chance."""

from typing import Any

from django.http import HttpRequest

from trackside.accounts.gate import caller
from trackside.jobs import queries as jobs
from trackside.lab import comparison, comparison_design, comparison_paired
from trackside.lab.entrants import Entrant, champion, chosen
from trackside.projects.access import project_for
from trackside.projects.models import Project, Role

Json = dict[str, Any]


def get(request: HttpRequest, key: str) -> Json:
    """`?of=12&of=churn:3&champion=12`."""
    project = project_for(request.user, key)
    found = chosen(project, request.GET.getlist("of"))
    return _shown(project, found, champion(found, request.GET.get("champion", "")))


def judge(request: HttpRequest, body: Json, key: str) -> Json:
    """The quick job; the same question again answers the same job."""
    user = caller(request)
    project = project_for(user, key, Role.EDITOR)
    found = chosen(project, body["of"])
    first = champion(found, body.get("champion", ""))
    return jobs.snapshot(comparison_paired.start(project, user, found, first))


def _shown(project: Project, found: list[Entrant], first: Entrant) -> Json:
    job = comparison_paired.newest(project, found, first)
    pairs = comparison_paired.pairs(job, found)
    rows = comparison.same_rows(found, first, pairs)
    lines = comparison.figures(found, first, pairs)
    shares = comparison.importance(found, first)
    return {
        "champion": first.key,
        "task": first.task,
        "models": [_model(one) for one in found],
        "same_rows": rows["same"],
        "rows": rows["sentence"],
        "verdict": comparison.verdict(found, first, lines, rows["same"]),
        "metrics": _lines(lines),
        "test_metrics": _lines(comparison.figures(found, first, {}, "test")),
        "confusion": {one.key: one.report["confusion"] for one in found if one.classes},
        "importance": {
            line["name"]: {
                one.key: cell["share"] for one, cell in zip(found, line["cells"], strict=True)
            }
            for line in shares.get("lines", [])
        },
        "design": [
            {"section": section["title"], "setting": line["name"], "values": _by_key(found, line)}
            for section in comparison_design.differences(found)
            for line in section["lines"]
        ],
        "facts": {one.key: one.facts for one in found},
        "job": job.pk if job else None,
        "job_state": job.state if job else None,
    }


def _model(one: Entrant) -> Json:
    return {
        "key": one.key,
        "label": one.title,
        "origin": one.origin,
        "active": one.active,
        "metric": one.metric,
        "classes": one.classes,
        "fingerprint": one.fingerprint,
        "trained_at": one.at.isoformat() if one.at else None,
    }


def _lines(lines: list[Json]) -> list[Json]:
    return [
        {
            "name": line["card"].name,
            "label": line["card"].label,
            "higher_is_better": line["card"].higher_is_better,
            "values": {
                cell["key"]: {
                    name: cell[name] for name in ("value", "difference", "better", "low", "high")
                }
                for cell in line["cells"]
            },
        }
        for line in lines
    ]


def _by_key(found: list[Entrant], line: Json) -> Json:
    return {one.key: cell for one, cell in zip(found, line["cells"], strict=True)}
