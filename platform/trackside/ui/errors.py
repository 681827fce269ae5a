"""The pages of things that went wrong; REST gets the same as JSON."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Also the answer to a forged Host header, so nothing of the request may be rendered."""
    if request.path.startswith("/api/"):
        return _json("bad_request", "The request could not be read.", 400)
    return HttpResponse(render_to_string("400.html"), status=400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    sentence = str(exception) or "You may not do this."
    if request.path.startswith("/api/"):
        return _json("forbidden", sentence, 403)
    return render(request, "403.html", {"exception": sentence}, status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith("/api/"):
        return _json("not_found", "There is nothing at this address.", 404)
    return render(request, "404.html", status=404)


def broken(request: HttpRequest) -> HttpResponse:
    """The database may be what is broken: this page asks it for nothing."""
    if request.path.startswith("/api/"):
        return _json("error", "Trackside failed on this request. Its log has the details.", 500)
    return HttpResponse(render_to_string("500.html"), status=500)


def _json(code: str, message: str, status: int) -> JsonResponse:
    return JsonResponse({"error": {"code": code, "message": message}}, status=status)
