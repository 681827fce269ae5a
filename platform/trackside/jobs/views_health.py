"""The health page; it asks for itself anew every few seconds."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from trackside.accounts.people import administrators_only
from trackside.jobs import health


@administrators_only
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    return render(request, "jobs/health.html", {"health": health.look()})
