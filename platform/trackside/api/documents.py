"""The document of a model, as a page or as a PDF."""

from django.http import HttpRequest, HttpResponse

from trackside.accounts.gate import caller
from trackside.accounts.services import audit
from trackside.lab.entrants import opened
from trackside.lab.views_document import as_page, as_pdf
from trackside.projects.access import project_for


def of_model(
    request: HttpRequest,
    key: str,
    id: int,  # noqa: A002 - named in the address
) -> HttpResponse:
    return _answer(request, key, str(id))


def of_version(request: HttpRequest, key: str, name: str, v: int) -> HttpResponse:
    return _answer(request, key, f"{name}:{v}")


def _answer(request: HttpRequest, key: str, which: str) -> HttpResponse:
    user = caller(request)
    one = opened(project_for(user, key), which)
    as_wanted = "application/pdf" in request.headers.get("Accept", "")
    made = as_pdf(one) if as_wanted else as_page(request, one)
    audit(user, "download", f"{key}/{one.title} document")
    return made
