"""The document of a trained model and of a version, as a page and as a PDF."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from trackside.accounts.gate import caller, signed_in
from trackside.accounts.services import audit
from trackside.lab.document import document
from trackside.lab.document_pdf import pdf
from trackside.lab.entrants import Entrant, key_of, opened
from trackside.lab.trouble import Busy, Refused
from trackside.projects.access import project_for
from trackside.projects.models import Project

PDF = "application/pdf"


@signed_in
@require_GET
def of_model(request: HttpRequest, key: str, number: int) -> HttpResponse:
    back = reverse("trained_model", args=[key, number])
    there = reverse("trained_model_pdf", args=[key, number])
    return _page(request, key, str(number), {"back": back, "pdf": there})


@signed_in
@require_GET
def of_model_pdf(request: HttpRequest, key: str, number: int) -> HttpResponse:
    return _pdf(request, key, str(number), reverse("trained_model", args=[key, number]))


@signed_in
@require_GET
def of_version(request: HttpRequest, key: str, name: str, number: int) -> HttpResponse:
    back = reverse("saved_model", args=[key, name])
    there = reverse("version_pdf", args=[key, name, number])
    return _page(request, key, key_of(number, name), {"back": back, "pdf": there})


@signed_in
@require_GET
def of_version_pdf(request: HttpRequest, key: str, name: str, number: int) -> HttpResponse:
    return _pdf(request, key, key_of(number, name), reverse("saved_model", args=[key, name]))


def _page(request: HttpRequest, key: str, which: str, context: dict[str, Any]) -> HttpResponse:
    project = project_for(request.user, key)
    try:
        one = opened(project, which)
        context |= {"project": project, "doc": document(one), "back_to": one.title}
    except Refused as refused:
        return _refused(request, project, context["back"], refused)
    return render(request, "lab/document.html", context)


def _pdf(request: HttpRequest, key: str, which: str, back: str) -> HttpResponse:
    user = caller(request)
    project = project_for(user, key)
    try:
        one = opened(project, which)
        made = as_pdf(one)
    except Refused as refused:
        return _refused(request, project, back, refused)
    audit(user, "download", f"{key}/{one.title} document")
    return made


def _refused(request: HttpRequest, project: Project, back: str, why: Refused) -> HttpResponse:
    context = {"project": project, "back": back, "back_to": "Back", "refused": str(why)}
    status = 503 if isinstance(why, Busy) else 409
    return render(request, "lab/document.html", context, status=status)


def as_pdf(one: Entrant) -> HttpResponse:
    """Raises Refused, Busy."""
    answer = HttpResponse(pdf(document(one)), content_type=PDF)
    answer["Content-Disposition"] = f'inline; filename="{_filename(one)}"'
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


def as_page(request: HttpRequest, one: Entrant) -> HttpResponse:
    """Without the application around it. Raises Refused."""
    return render(request, "lab/document_alone.html", {"doc": document(one)})


def _filename(one: Entrant) -> str:
    """Plain letters, whatever the model is called."""
    name = "".join(each if each.isascii() and each.isalnum() else "_" for each in one.title)
    return f"{name[:80].strip('_') or 'model'}.pdf"
