"""The fleet page: every node with its GPUs as live tiles, and who waits for what."""

from contextlib import suppress
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from trackside.accounts.gate import signed_in
from trackside.compute.board import board
from trackside.compute.models import NodeState
from trackside.projects.access import project_for


@signed_in
@require_GET
def gpus(request: HttpRequest) -> HttpResponse:
    """`?project=KEY` only keeps that project's navigation."""
    seen = board(request.user)
    everything = [gpu for node in seen["nodes"] for gpu in node["gpus"]]
    for node in seen["nodes"]:
        node["state_label"] = NodeState(node["state"]).label
    context: dict[str, Any] = {
        "board": seen,
        "names": ",".join(f"{node['name']}:{len(node['gpus'])}" for node in seen["nodes"]),
        "counts": {
            "all": len(everything),
            "free": sum(gpu["state"] == "free" for gpu in everything),
            "nodes": len(seen["nodes"]),
        },
    }
    with suppress(Http404):
        context["project"] = project_for(request.user, request.GET.get("project", ""))
    return render(request, "compute/gpus.html", context)
