"""What a page with an upload reads, and how it answers its script or the plain form."""

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect

from trackside.datasets.trouble import BadDataset


def file_of(request: HttpRequest) -> UploadedFile | None:
    """Raises BadDataset where it is larger than an upload may be."""
    file = request.FILES.get("file")
    if isinstance(file, UploadedFile) and (file.size or 0) > settings.UPLOAD_MAX_BYTES:
        most = settings.UPLOAD_MAX_BYTES >> 20
        raise BadDataset(
            "file", f"{file.name} is larger than {most} MiB.", code="too_large", status=413
        )
    return file if isinstance(file, UploadedFile) else None


def click_of(request: HttpRequest) -> str | None:
    return request.POST.get("click_id", "")[:64] or None


def wants_json(request: HttpRequest) -> bool:
    return "application/json" in request.headers.get("Accept", "")


def sent(request: HttpRequest, url: str) -> HttpResponse:
    return JsonResponse({"url": url}, status=202) if wants_json(request) else redirect(url)
