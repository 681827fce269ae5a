"""The document, the page that shows it, and the answer to addresses that are none."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from trackside.accounts.gate import api, error_json, public
from trackside.api.openapi import document
from trackside.api.table import EVENTS, OPERATIONS


def whole_document() -> dict[str, Any]:
    return document((*OPERATIONS, EVENTS))


@public
def openapi(request: HttpRequest) -> HttpResponse:
    """Public: it describes the program and no data, and tools fetch it without a token."""
    return JsonResponse(whole_document(), json_dumps_params={"indent": 1})


@public
def docs(request: HttpRequest) -> HttpResponse:
    """Public for the same reason. Drawn by js/pages/api-docs.js from the document itself."""
    return render(request, "api/docs.html", {"document": whole_document()})


@api
def root(request: HttpRequest) -> HttpResponse:
    links = {"openapi": "/api/v1/openapi.json", "docs": "/api/v1/docs"}
    return JsonResponse({"version": "1", "user": str(request.user), **links})


@api
def nothing(request: HttpRequest, rest: str) -> HttpResponse:
    return error_json("not_found", f"There is no call at /api/v1/{rest[:200]}.", 404)
