"""The fleet page: every node with its GPUs as live tiles, and who waits for what."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from trackside.accounts.gate import signed_in
from trackside.compute.board import board
from trackside.projects.access import project_for


@signed_in
@require_GET
def gpus(request: HttpRequest) -> HttpResponse:
    """`?project=KEY` only keeps that project's navigation."""
    context: dict[str, Any] = {"board": board(request.user)}
    try:
        context["project"] = project_for(request.user, request.GET.get("project", ""))
    except Http404:
        context["project"] = None
    return render(request, "compute/gpus.html", context)
