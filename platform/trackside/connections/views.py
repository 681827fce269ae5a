"""For administrators: the connections to databases."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from recipes.params import ParamError
from trackside.accounts.gate import caller
from trackside.accounts.people import administrators_only
from trackside.connections import services
from trackside.connections.forms import chosen, connection_form, told
from trackside.connections.models import Connection
from trackside.connections.settings import KINDS
from trackside.projects.models import Project
from trackside.ui.param_forms import ParamForm


@administrators_only
@require_GET
def connections(request: HttpRequest) -> HttpResponse:
    rows = list(Connection.objects.prefetch_related("projects").order_by("name"))
    return render(request, "connections/list.html", {"connections": rows, "kinds": KINDS})


@administrators_only
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def connection_new(request: HttpRequest) -> HttpResponse:
    form = connection_form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            made = services.create(caller(request), form.values, chosen(request.POST))
        except ParamError as wrong:
            told(form, wrong)
        else:
            return _tested(request, made)
    return _page(request, form, None)


@administrators_only
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def connection(request: HttpRequest, number: int) -> HttpResponse:
    one = _one(number)
    form = connection_form(
        request.POST if request.method == "POST" else None,
        initial=services.shown(one),
        sealed=bool(one.sealed),
    )
    if request.method == "POST" and form.is_valid():
        try:
            services.change(one, caller(request), form.values, chosen(request.POST))
        except ParamError as wrong:
            told(form, wrong)
        else:
            return _tested(request, _one(number))
    return _page(request, form, one)


def _page(request: HttpRequest, form: ParamForm, one: Connection | None) -> HttpResponse:
    ticked = {project.key for project in one.projects.all()} if one else set()
    if request.method == "POST":
        ticked = set(request.POST.getlist("project"))
    context: dict[str, Any] = {
        "form": form,
        "connection": one,
        "projects": Project.objects.order_by("name"),
        "ticked": ticked,
        "kinds": KINDS,
    }
    wrong = request.method == "POST"
    return render(request, "connections/connection.html", context, status=422 if wrong else 200)


def _tested(request: HttpRequest, one: Connection) -> HttpResponse:
    """What was saved is tried at once: who typed it sees what is wrong with it."""
    if trouble := services.test(one, caller(request)):
        messages.warning(request, f"{one.name} is saved, but does not work yet: {trouble}")
        return redirect("connection", one.pk)
    if one.warning:
        messages.warning(request, f"{one.name} is saved, and works. {one.warning}")
        return redirect("connections")
    messages.success(request, f"{one.name} is saved, and works.")
    return redirect("connections")


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
