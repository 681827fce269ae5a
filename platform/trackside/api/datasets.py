"""Datasets: upload, what the intake found, rows."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

from django.conf import settings
from django.db.models import Count, Q
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from trackside.accounts.gate import caller
from trackside.accounts.services import audit
from trackside.api.bodies import read_file
from trackside.api.failures import Failure
from trackside.api.paging import page, whole
from trackside.datasets import queries, services
from trackside.datasets.models import Dataset, Picture
from trackside.projects.access import project_for
from trackside.projects.models import Role
from trackside.ui import spreadsheet
from trackside.ui.streaming import streamed

ROWS, ROWS_MOST = 100, 1000
CSV = "text/csv; charset=utf-8"
IMAGE_COLUMNS = ["path", "label", "split", "width", "height"]
IMAGE_TYPES = ["text", "category", "category", "integer", "integer"]


def short(one: Dataset) -> dict[str, Any]:
    return {
        "name": one.name,
        "kind": one.kind,
        "state": one.state,
        "rows": one.rows,
        "job": one.job_id,
    }


def shown(one: Dataset) -> dict[str, Any]:
    problems = one.problems.order_by("id").values("where", "what", "kept")
    return {
        **short(one),
        "reason": one.reason,
        "columns": _columns(one),
        "classes": one.facts.get("classes", []),
        "splits": one.facts.get("splits", {}),
        "problems": list(problems),
        "bytes": one.bytes,
        "fingerprint": one.fingerprint,
    }


def _columns(one: Dataset) -> list[dict[str, Any]]:
    if one.kind == "images":
        pairs = zip(IMAGE_COLUMNS, IMAGE_TYPES, strict=True)
        found = one.pictures.aggregate(
            **{f"distinct_{name}": Count(name, distinct=True) for name in IMAGE_COLUMNS},
            **{f"empty_{name}": Count("pk", filter=Q(**{name: ""})) for name in ("label", "split")},
        )
        return [{"name": name, "type": kind, **_counts(found, name)} for name, kind in pairs]
    return list(one.facts.get("columns", []))


def _counts(found: dict[str, int], name: str) -> dict[str, int]:
    """An empty text is a missing value and no value of its own."""
    empty = found.get(f"empty_{name}", 0)
    return {"missing": empty, "distinct": found[f"distinct_{name}"] - bool(empty)}


def listed(request: HttpRequest, key: str) -> dict[str, Any]:
    rows = Dataset.objects.filter(project=project_for(request.user, key))
    return page(request, rows, "name", "datasets", lambda one: short(services.settle(one)))


def upload(request: HttpRequest, key: str) -> dict[str, Any]:
    project = project_for(request.user, key, Role.EDITOR)
    user = caller(request)
    file = read_file(request, limit=settings.UPLOAD_MAX_BYTES)
    if (file.size or 0) > settings.UPLOAD_MAX_BYTES:
        most = settings.UPLOAD_MAX_BYTES >> 20
        raise Failure(413, "too_large", f"A file may have {most} MiB at most.", "file")
    name, kind = request.POST.get("name", ""), request.POST.get("kind", "auto")
    one = services.upload(project, user, name, file, kind)
    return {"name": one.name, "state": one.state, "job": one.job_id}


def get(request: HttpRequest, key: str, name: str) -> dict[str, Any]:
    return shown(queries.dataset_for(project_for(request.user, key), name))


def delete(request: HttpRequest, key: str, name: str) -> dict[str, Any]:
    user = caller(request)
    services.delete(queries.dataset_for(project_for(user, key, Role.EDITOR), name), user)
    return {}


def rows(request: HttpRequest, key: str, name: str) -> dict[str, Any] | HttpResponseBase:
    """A window as JSON; the whole dataset as CSV when that is what the caller accepts."""
    one = queries.dataset_for(project_for(request.user, key), name)
    accepts = request.headers.get("Accept", "")
    if "text/csv" in accepts:
        return _whole(request, one)
    if "parquet" in accepts:
        words = "Rows come as JSON or, with Accept: text/csv, as CSV; not as Parquet."
        raise Failure(406, "not_acceptable", words)
    offset = whole(request, "offset", 0, 10**15)
    limit = whole(request, "limit", ROWS, ROWS_MOST)
    if one.kind == "table":
        return queries.table_rows(one, offset, limit)
    found = one.pictures.order_by("number")[offset : offset + limit]
    return {"columns": IMAGE_COLUMNS, "rows": [_row(picture) for picture in found]}


def _row(picture: Picture) -> list[Any]:
    return [picture.path, picture.label, picture.split, picture.width, picture.height]


def _whole(request: HttpRequest, one: Dataset) -> HttpResponseBase:
    user = caller(request)
    table = queries.table_file(one) if one.kind == "table" else None
    audit(user, "download", f"{one.project.key}/{one.name}.csv")
    pieces = _pictures(one) if table is None else spreadsheet.file_pieces(table)
    return streamed(request, pieces, content_type=CSV)


def _pictures(one: Dataset) -> Iterator[bytes]:
    pictures = one.pictures.order_by("number").iterator(chunk_size=1000)
    return spreadsheet.pieces(chain([IMAGE_COLUMNS], map(_row, pictures)))
