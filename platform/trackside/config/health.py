"""Is it up, and can it work: for load balancers, the supervisor and tests."""

from django.http import HttpRequest, HttpResponse, JsonResponse

from trackside.accounts.gate import public


@public
def healthz(request: HttpRequest) -> HttpResponse:
    """Public: says only that the web serves."""
    return HttpResponse("ok\n", content_type="text/plain")


@public
def readyz(request: HttpRequest) -> JsonResponse:
    """Public: names what is missing, nothing about anybody's work."""
    from trackside.jobs import queries  # noqa: PLC0415 - healthz must answer when jobs cannot load

    found = queries.readiness()
    ready = all(one is True for one in found.values())
    return JsonResponse({"ready": ready, **found}, status=200 if ready else 503)
