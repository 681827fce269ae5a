"""Addresses with a view that nobody decided about, for test_gate.py."""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path


def open_to_all(request: HttpRequest) -> HttpResponse:
    return HttpResponse("in")


urlpatterns = [path("open/", open_to_all), path("", include("trackside.config.urls"))]
