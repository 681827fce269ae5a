"""What pages ask of quick jobs: start one, look whether it is done, its pictures."""

import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_GET, require_POST

from trackside.accounts.gate import caller, error_json, signed_in
from trackside.jobs.queries import job_for
from trackside.lab import forms, quick
from trackside.lab.pages import analysis_of, subject_of
from trackside.lab.trouble import BadDesign, Refused
from trackside.projects.access import project_for
from trackside.projects.models import Role

MOST_BYTES = 25 * 2**20
KEPT_SECONDS = 3600


@signed_in
@require_POST
def analysis_preview(request: HttpRequest, key: str, name: str) -> HttpResponse:
    """The augmentation that the form shows now, saved or not, on some of the user's pictures."""
    user = caller(request)
    _, analysis = analysis_of(request, key, name, Role.EDITOR)
    form = forms.part_form(analysis.design, "augmentation", request.POST)
    values = {one.name: form[one.name].data for one in form.params.fields}
    seed = request.POST.get("preview_seed", "7")
    try:
        job = quick.preview(
            analysis, user, values, int(seed) if seed.isdecimal() and len(seed) < 9 else 7
        )
    except Refused as bad:
        return error_json("design_wrong", str(bad), 422, next(iter(getattr(bad, "errors", {})), ""))
    return JsonResponse(quick.answer(job), status=201)


@signed_in
@require_GET
def lab_job(request: HttpRequest, key: str, number: int) -> HttpResponse:
    user = caller(request)
    project = project_for(user, key)
    return JsonResponse(quick.answer(job_for(project, user, number)))


@signed_in
@require_GET
def lab_file(request: HttpRequest, key: str, number: int, name: str) -> HttpResponseBase:
    user = caller(request)
    project = project_for(user, key)
    path, kind = quick.file_of(job_for(project, user, number), name)
    response = FileResponse(path.open("rb"), content_type=kind)
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, max-age=3600"
    return response


@signed_in
@require_POST
def model_explain(request: HttpRequest, key: str, number: int, name: str = "") -> HttpResponse:
    """Pictures of the dataset by number, or one uploaded image."""
    _, model = subject_of(request, key, number, name, Role.EDITOR)
    file = request.FILES.get("image")
    try:
        if isinstance(file, UploadedFile):
            images: list[dict[str, Any]] = [{"file": str(_kept(file))}]
        else:
            wanted = request.POST.getlist("number")
            given = [int(one) for one in wanted if one.isdecimal() and len(one) < 12]
            images = quick.pictures_of(model.dataset, given) if model.dataset else []
        job = quick.explain(model, caller(request), images)
    except BadDesign as bad:
        return error_json("image_wrong", str(bad), 422, "image")
    except Refused as refused:
        return error_json("refused", str(refused), 409)
    return JsonResponse(quick.answer(job), status=201)


def _kept(file: UploadedFile) -> Path:
    """The dropped image under a name of our own. The job's child is the one that opens it."""
    if not file.size:
        raise BadDesign({"image": f"{file.name} is empty."})
    if file.size > MOST_BYTES:
        raise BadDesign({"image": f"{file.name} is larger than {MOST_BYTES >> 20} MiB."})
    folder = Path(settings.TRACKSIDE_STORAGE) / "uploads"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _drop_old(folder)
    path = folder / f"whatif-{uuid4()}"
    with path.open("wb") as out:
        for chunk in file.chunks():
            out.write(chunk)
    path.chmod(0o600)
    return path


def _drop_old(folder: Path) -> None:
    """Dropped images serve one answer: those of an hour ago go."""
    for path in folder.glob("whatif-*"):
        with suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > KEPT_SECONDS:
                path.unlink()
