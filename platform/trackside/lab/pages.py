"""What the views of the Lab share."""

from typing import Any

from django.http import Http404, HttpRequest

from recipes.tasks import TASKS, data_of
from trackside.compute.models import Node
from trackside.lab import queries, searching, second_dataset
from trackside.lab.diagnostics import Finding, findings
from trackside.lab.diagnostics_table import table_findings
from trackside.lab.entrants import Entrant, Untrained, key_of, opened
from trackside.lab.models import Analysis
from trackside.lab.subjects import columns_of
from trackside.projects.access import may_edit, project_for
from trackside.projects.models import Project, Role


def analysis_of(
    request: HttpRequest, key: str, name: str, role: Role = Role.READER
) -> tuple[Project, Analysis]:
    """Raises Http404, TooWeak."""
    project = project_for(request.user, key, role)
    return project, queries.analysis_for(project, name)


def subject_of(
    request: HttpRequest, key: str, number: int, name: str = "", role: Role = Role.READER
) -> tuple[Project, Entrant]:
    """A trained model; with the `name` of a saved model that version of it.

    Raises Http404, also for what is not trained yet, and TooWeak.
    """
    project = project_for(request.user, key, role)
    try:
        return project, opened(project, key_of(number, name))
    except Untrained as none:
        raise Http404(str(none)) from None


def wants_json(request: HttpRequest) -> bool:
    return "json" in request.headers.get("Accept", "")


def frame(project: Project, analysis: Analysis) -> dict[str, Any]:
    """What the bar over every page of an analysis shows."""
    return {
        "project": project,
        "analysis": analysis,
        "task": TASKS[analysis.task],
        "may_edit": may_edit(project),
        "sessions_n": analysis.sessions.count(),
        "simulated_nodes": Node.objects.filter(simulated=True).exists(),
    }


def diagnose(analysis: Analysis) -> list[Finding]:
    """What may spoil a training, before it starts."""
    return DIAGNOSES[data_of(analysis.task)](analysis)


def _of_images(analysis: Analysis) -> list[Finding]:
    twice = analysis.dataset.problems.filter(what__icontains="duplicate").count()
    return findings(analysis.design, analysis.dataset.facts, twice)


def _of_table(analysis: Analysis) -> list[Finding]:
    found = table_findings(analysis.design, columns_of(analysis.dataset), analysis.dataset.rows)
    return [*second_dataset.findings(analysis), *_of_search(analysis), *found]


def _of_search(analysis: Analysis) -> list[Finding]:
    on = [one for one in analysis.design["models"] if one.get("on", True)]
    told = (searching.trouble(analysis.design, one) for one in on)
    return [Finding("wn", "It cannot search", said, "search") for said in told if said]


DIAGNOSES = {"images": _of_images, "table": _of_table}
