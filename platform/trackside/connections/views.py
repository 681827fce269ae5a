"""For administrators: the connections to databases."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render, resolve_url
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from recipes.params import ParamError
from trackside.accounts.gate import caller
from trackside.accounts.people import administrators_only
from trackside.connections import services
from trackside.connections.forms import chosen, connection_form, told
from trackside.connections.looking import Tested
from trackside.connections.models import Connection
from trackside.connections.settings import KINDS
from trackside.projects.models import Project
from trackside.ui.param_forms import ParamForm

BY_SCRIPT = "X-Fragment"  # js/pages/connection.js sends the form


@administrators_only
@require_GET
def connections(request: HttpRequest) -> HttpResponse:
    rows = list(Connection.objects.prefetch_related("projects").order_by("name"))
    return render(request, "connections/list.html", {"connections": rows, "kinds": KINDS})


@administrators_only
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def connection_new(request: HttpRequest) -> HttpResponse:
    return _form(request, None)


@administrators_only
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def connection(request: HttpRequest, number: int) -> HttpResponse:
    return _form(request, _one(number))


def _form(request: HttpRequest, one: Connection | None) -> HttpResponse:
    """What is sent is tried, and kept where it works; `then`: "test" keeps nothing, and "save"
    keeps also what does not work."""
    sent = request.POST if request.method == "POST" else None
    initial = services.shown(one) if one else None
    form = connection_form(sent, initial=initial, sealed=bool(one and one.sealed))
    if sent is None or not form.is_valid():
        return _page(request, form, one)
    user, then = caller(request), sent.get("then", "")
    try:
        found = None if then == "save" else services.tried(one, user, form.values)
        if found is None or (not found.trouble and then != "test"):
            return _kept(request, one, form, found)
    except ParamError as wrong:
        told(form, wrong)
        found = None
    return _page(request, form, one, found)


def _kept(
    request: HttpRequest, one: Connection | None, form: ParamForm, found: Tested | None
) -> HttpResponse:
    """`found`: of the test that it passed; None: it is tried once it is kept. Raises ParamError."""
    user, projects = caller(request), chosen(request.POST)
    if one is None:
        made = services.create(user, form.values, projects)
    else:
        made = services.change(one, user, form.values, projects)
    if found is None:
        services.test(made, user)
    else:
        services.keep(made, found)
    return _said(request, made)


def _page(
    request: HttpRequest, form: ParamForm, one: Connection | None, found: Tested | None = None
) -> HttpResponse:
    ticked = {project.key for project in one.projects.all()} if one else set()
    if request.method == "POST":
        ticked = set(request.POST.getlist("project"))
    context: dict[str, Any] = {
        "form": form,
        "connection": one,
        "projects": Project.objects.order_by("name"),
        "ticked": ticked,
        "kinds": KINDS,
        "found": found,
    }
    asked = request.POST.get("then") == "test"
    wrong = request.method == "POST" and (found is None or (found.trouble and not asked))
    return render(request, "connections/connection.html", context, status=422 if wrong else 200)


def _said(request: HttpRequest, one: Connection) -> HttpResponse:
    """Who typed it sees what its test found, on the page that comes next: a script is told which,
    for it cannot see where a redirection leads."""
    there = resolve_url("connection", one.pk) if one.trouble else resolve_url("connections")
    if one.trouble:
        messages.warning(request, f"{one.name} is saved, but does not work yet: {one.trouble}")
    elif one.warning:
        messages.warning(request, f"{one.name} is saved, and works. {one.warning}")
    else:
        messages.success(request, f"{one.name} is saved, and works.")
    if request.headers.get(BY_SCRIPT):
        return JsonResponse({"url": there}, status=201)
    return redirect(there)


@administrators_only
@require_POST
def connection_test(request: HttpRequest, number: int) -> HttpResponse:
    one = _one(number)
    if trouble := services.test(one, caller(request)):
        messages.error(request, f"{one.name} does not work: {trouble}")
    else:
        messages.success(request, f"{one.name} works.")
    return redirect("connections")


@administrators_only
@require_POST
def connection_delete(request: HttpRequest, number: int) -> HttpResponse:
    one = _one(number)
    services.delete(one, caller(request))
    messages.success(request, f"{one.name} is deleted.")
    return redirect("connections")


def _one(number: int) -> Connection:
    found = Connection.objects.filter(pk=number).first()
    if found is None:
        raise Http404("There is no such connection.")
    return found
