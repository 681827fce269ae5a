"""Questions about a model of a table, asked by its pages: each starts a small job."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from recipes.tasks import data_of
from trackside.accounts.gate import caller, signed_in
from trackside.jobs.models import Job
from trackside.lab import explaining, views_model, whatif_form
from trackside.lab.models import TrainedModel
from trackside.lab.trouble import BadDesign, Refused
from trackside.projects.access import project_for, row
from trackside.projects.models import Role


@signed_in
@require_POST
def explain_row(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """`row`: a row of the dataset, counted from 1."""
    model = _model(request, key, number)
    given = request.POST.get("row", "").replace(",", "").strip()
    if not (given.isdecimal() and len(given) < 12 and int(given)):
        return _back(request, model, "individual", f"{given[:20]!r} is no row: rows count from 1.")
    try:
        job = explaining.ask_rows(model, caller(request), [int(given) - 1])
    except Refused as refused:
        return _back(request, model, "individual", str(refused))
    return _to(model, "individual", job)


@signed_in
@require_POST
def explain_groups(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """`column`: the one whose values make the groups."""
    model = _model(request, key, number)
    try:
        job = explaining.ask_groups(model, caller(request), request.POST.get("column", ""))
    except Refused as refused:
        return _back(request, model, "subpopulations", str(refused))
    return _to(model, "subpopulations", job)


@signed_in
@require_POST
def explain_whatif(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """The fields of the form; wrong ones bring it back with a sentence each."""
    model = _model(request, key, number)
    try:
        seen, user = explaining.seen(model), caller(request)
        begun = (request.POST.get(name, "") for name in ("from_job", "from_row"))
        job = explaining.ask_whatif(
            model,
            user,
            whatif_form.posted(seen, request.POST.dict()),
            whatif_form.held(seen, request.POST.getlist("fixed")),
            request.POST.get("toward", ""),
            explaining.base_of(model, user, *begun),
        )
    except BadDesign:
        return views_model.page_of(request, key, number, "whatif", status=422)
    except Refused as refused:
        return _back(request, model, "whatif", str(refused))
    return _to(model, "whatif", job)


def _model(request: HttpRequest, key: str, number: int) -> TrainedModel:
    project = project_for(caller(request), key, Role.EDITOR)
    found = row(project, TrainedModel, through="session__analysis__project", pk=number)
    if data_of(found.session.analysis.task) != "table":
        raise Http404("This model is not of a table.")
    return found


def _to(model: TrainedModel, tab: str, job: Job) -> HttpResponse:
    return redirect(f"{_page(model, tab)}?job={job.pk}#answer")


def _back(request: HttpRequest, model: TrainedModel, tab: str, sentence: str) -> HttpResponse:
    messages.error(request, sentence)
    return redirect(_page(model, tab))


def _page(model: TrainedModel, tab: str) -> str:
    return reverse("trained_model", args=[model.session.analysis.project.key, model.pk, tab])
