"""What the results of the Lab show of a model, of a version that was retrained in the Flow too."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from recipes.algorithms import ALGORITHMS
from trackside.accounts.gate import signed_in
from trackside.lab import search_results
from trackside.lab.entrants import of_version
from trackside.projects.access import project_for, row
from trackside.saved_models.models import Version


@signed_in
@require_GET
def search(request: HttpRequest, key: str, name: str, number: int) -> HttpResponse:
    """What the search of its settings found, and each of its trials."""
    project = project_for(request.user, key)
    through = "saved_model__project"
    version = row(project, Version, through=through, saved_model__name=name, number=number)
    one = of_version(version)
    algorithm = str(one.part("algorithm"))
    if not one.report.get("search") or algorithm not in ALGORITHMS:
        raise Http404(f"The settings of {version} were not searched.")
    context = {"project": project, "version": version, "origin": one.origin, "report": one.report}
    context |= search_results.shown(request, one.task, algorithm, one.report)
    return render(request, "lab/version_search.html", context)
