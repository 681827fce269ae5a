"""Questions about a model of a table, asked by its pages: each starts a small job."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from trackside.accounts.gate import caller, signed_in
from trackside.jobs.models import Job
from trackside.lab import explaining, views_model, whatif_form
from trackside.lab.entrants import Entrant
from trackside.lab.pages import subject_of
from trackside.lab.trouble import BadDesign, Refused
from trackside.projects.models import Role


@signed_in
@require_POST
def explain_row(request: HttpRequest, key: str, number: int, name: str = "") -> HttpResponse:
    """`row`: a row of the dataset, counted from 1."""
    model = _table(request, key, number, name)
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
def explain_groups(request: HttpRequest, key: str, number: int, name: str = "") -> HttpResponse:
    """`column`: the one whose values make the groups."""
    model = _table(request, key, number, name)
    try:
        job = explaining.ask_groups(model, caller(request), request.POST.get("column", ""))
    except Refused as refused:
        return _back(request, model, "subpopulations", str(refused))
    return _to(model, "subpopulations", job)


@signed_in
@require_POST
def explain_whatif(request: HttpRequest, key: str, number: int, name: str = "") -> HttpResponse:
    """The fields of the form; wrong ones bring it back with a sentence each."""
    model = _table(request, key, number, name)
    try:
        seen, user = explaining.seen(model), caller(request)
        begun = (request.POST.get(one, "") for one in ("from_job", "from_row"))
        job = explaining.ask_whatif(
            model,
            user,
            whatif_form.posted(seen, request.POST.dict()),
            whatif_form.held(seen, request.POST.getlist("fixed")),
            request.POST.get("toward", ""),
            explaining.base_of(model, user, *begun),
        )
    except BadDesign:
        return views_model.page_of(request, key, number, "whatif", name, status=422)
    except Refused as refused:
        return _back(request, model, "whatif", str(refused))
    return _to(model, "whatif", job)


def _table(request: HttpRequest, key: str, number: int, name: str) -> Entrant:
    _, found = subject_of(request, key, number, name, Role.EDITOR)
    if found.card.data != "table":
        raise Http404("This model is not of a table.")
    return found


def _to(model: Entrant, tab: str, job: Job) -> HttpResponse:
    return redirect(f"{model.address}{tab}/?job={job.pk}#answer")


def _back(request: HttpRequest, model: Entrant, tab: str, sentence: str) -> HttpResponse:
    messages.error(request, sentence)
    return redirect(f"{model.address}{tab}/")
