"""Bytes of datasets, to members only: a picture by its number, never by a name; a table as CSV."""

from collections.abc import Iterator
from pathlib import Path

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_GET

from trackside.accounts.gate import signed_in
from trackside.accounts.services import audit
from trackside.datasets import queries, storage
from trackside.datasets.models import Dataset, Picture
from trackside.projects.access import project_for
from trackside.ui.streaming import streamed

# Formats that a browser draws and cannot run; the intake has decoded each file whole as what it is.
SHOWN = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".bmp": "image/bmp",
}
DAY = 86400


@signed_in
@require_GET
def image(request: HttpRequest, key: str, name: str, number: int, size: str) -> HttpResponseBase:
    """`size` is thumb or full. `?v=` (a piece of the fingerprint) lets the browser keep it."""
    project = project_for(request.user, key)
    dataset = queries.dataset_for(project, name)
    path, kind = _thumb(number) if size == "thumb" else _full(dataset, number, size)
    found = storage.inside(queries.folder(dataset), path)
    if found is None:
        raise Http404("There is no such image.")
    response = HttpResponse(found.read_bytes(), content_type=kind or "application/octet-stream")
    plain = f"{dataset.pk}-{number}{found.suffix}"
    how = "inline" if kind else "attachment"
    response["Content-Disposition"] = f'{how}; filename="{plain}"'
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["X-Content-Type-Options"] = "nosniff"
    version = request.GET.get("v", "")
    fresh = len(version) >= 8 and dataset.fingerprint.startswith(version)
    response["Cache-Control"] = f"private, max-age={DAY}" if fresh else "private, no-cache"
    return response


def _thumb(number: int) -> tuple[str, str]:
    """Also of files that were left out: their thumb helps to decide."""
    return f"thumbs/{number // 1000:02d}/{number}.webp", "image/webp"


def _full(dataset: Dataset, number: int, size: str) -> tuple[str, str]:
    if size != "full":
        raise Http404("An image is shown as thumb or full.")
    file = Picture.objects.filter(dataset=dataset, number=number).values_list("file", flat=True)
    path = file.first()
    if path is None:
        raise Http404("There is no such image.")
    return path, SHOWN.get(f".{path.rpartition('.')[2].lower()}", "")


@signed_in
@require_GET
def csv_file(request: HttpRequest, key: str, name: str) -> HttpResponseBase:
    """The whole table, streamed."""
    project = project_for(request.user, key)
    dataset = queries.dataset_for(project, name)
    path = queries.table_file(dataset)
    audit(request.user, "download", f"{project.key}/{dataset.name}.csv")  # type: ignore[arg-type]
    return streamed(
        request,
        _pieces(path),
        content_type="text/csv; charset=utf-8",
        filename=f"{_plain(dataset.name)}.csv",
    )


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as source:
        while piece := source.read(2**18):
            yield piece


def _plain(name: str) -> str:
    return "".join(one if one.isalnum() or one in "._-" else "_" for one in name)
