"""Bytes of datasets, to members only: a picture by its number, never by a name; a table as CSV."""

from itertools import chain
from pathlib import Path

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_GET

from trackside.accounts.gate import signed_in
from trackside.accounts.services import audit
from trackside.datasets import queries, storage, tables
from trackside.datasets.models import Dataset, Picture
from trackside.projects.access import project_for
from trackside.ui import spreadsheet
from trackside.ui.streaming import AT_ONCE, streamed, streamed_file

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
PARQUET = "application/vnd.apache.parquet"


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
    response = _bytes(request, found, kind or "application/octet-stream")
    plain = f"{dataset.pk}-{number}{found.suffix}"
    how = "inline" if kind else "attachment"
    response["Content-Disposition"] = f'{how}; filename="{plain}"'
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["X-Content-Type-Options"] = "nosniff"
    version = request.GET.get("v", "")
    fresh = len(version) >= 8 and dataset.fingerprint.startswith(version)
    response["Cache-Control"] = f"private, max-age={DAY}" if fresh else "private, no-cache"
    return response


def _bytes(request: HttpRequest, path: Path, content_type: str) -> HttpResponseBase:
    """A thumb goes at once, a large picture in pieces."""
    if path.stat().st_size > AT_ONCE:
        return streamed_file(request, path, content_type=content_type)
    return HttpResponse(path.read_bytes(), content_type=content_type)


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
    """The whole table, streamed; no text in it becomes a formula."""
    project = project_for(request.user, key)
    dataset = queries.dataset_for(project, name)
    table = tables.table(dataset)
    audit(request.user, "download", f"{project.key}/{dataset.name}.csv")  # type: ignore[arg-type]
    return streamed(
        request,
        spreadsheet.pieces(chain([table.names], table.lines())),
        content_type="text/csv; charset=utf-8",
        filename=f"{_plain(dataset.name)}.csv",
    )


@signed_in
@require_GET
def parquet_file(request: HttpRequest, key: str, name: str) -> HttpResponseBase:
    """The table's own file: types and texts exactly as they are."""
    project = project_for(request.user, key)
    dataset = queries.dataset_for(project, name)
    path = tables.parquet_file(dataset)
    if path is None:
        raise Http404(f"The rows of {dataset.name} are there as CSV only.")
    told = f"{project.key}/{dataset.name}.parquet"
    audit(request.user, "download", told)  # type: ignore[arg-type]
    filename = f"{_plain(dataset.name)}.parquet"
    return streamed_file(request, path, content_type=PARQUET, filename=filename)


def _plain(name: str) -> str:
    return "".join(one if one.isalnum() or one in "._-" else "_" for one in name)
