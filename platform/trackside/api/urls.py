"""Addresses of the REST API, made from the table of operations."""

import re
from itertools import groupby

from django.urls import URLPattern, path

from trackside.api import jobs, pages
from trackside.api.openapi import WHOLE_NUMBERS
from trackside.api.operations import Operation, door
from trackside.api.table import EVENTS, OPERATIONS


def route(address: str) -> str:
    """An OpenAPI path as Django writes it."""

    def converter(found: re.Match[str]) -> str:
        name = found[1]
        return f"<{'int' if name in WHOLE_NUMBERS else 'str'}:{name}>"

    return "api/v1" + re.sub(r"\{(\w+)\}", converter, address)


def _address(one: Operation) -> str:
    return one.path


urlpatterns: list[URLPattern] = [
    path("api/v1/", pages.root, name="api"),
    path("api/v1/openapi.json", pages.openapi, name="openapi"),
    path("api/v1/docs", pages.docs, name="api_docs"),
    path(route(EVENTS.path), jobs.events),
    *(
        path(route(address), door(calls))
        for address, calls in groupby(sorted(OPERATIONS, key=_address), key=_address)
    ),
    path("api/v1/<path:rest>", pages.nothing),
]
