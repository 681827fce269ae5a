"""Datasets: upload, what the intake found, rows."""

from collections.abc import Container, Iterable
from itertools import chain
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db.models import Count, Q
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from trackside.accounts.gate import caller
from trackside.accounts.services import audit
from trackside.api.bodies import read_field, read_file
from trackside.api.failures import Failure
from trackside.api.paging import page, whole
from trackside.datasets import corrections, from_database, queries, replacing, services, tables
from trackside.datasets.files import PARQUET
from trackside.datasets.models import Dataset, Picture
from trackside.datasets.reading import Wish
from trackside.datasets.table_parquet import WINDOW, TooLarge
from trackside.projects.access import project_for
from trackside.projects.models import Role
from trackside.ui import spreadsheet
from trackside.ui.streaming import streamed, streamed_file

ROWS, ROWS_MOST = 100, 1000
COLUMNS_MOST = 1000  # of a window as JSON
BRIEF = ("name", "type", "given", "missing", "distinct", "warnings")
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


def shown(one: Dataset, columns: list[dict[str, Any]]) -> dict[str, Any]:
    problems = one.problems.order_by("id").values("where", "what", "kept")
    return {
        **short(one),
        "reason": one.reason,
        "columns": columns,
        "classes": one.facts.get("classes", []),
        "splits": one.facts.get("splits", {}),
        "problems": list(problems),
        "bytes": one.bytes,
        "source": _source(one),
        "fingerprint": one.fingerprint,
    }


def _source(one: Dataset) -> dict[str, Any] | None:
    found = from_database.source_of(one)
    if found is None:
        return None
    named: dict[str, Any] = {
        name: found[name] for name in ("schema", "table", "query") if name in found
    }
    return {"connection": found["name"], **named}


def _columns(one: Dataset) -> list[dict[str, Any]]:
    if one.kind == "images":
        pairs = zip(IMAGE_COLUMNS, IMAGE_TYPES, strict=True)
        found = one.pictures.aggregate(
            **{f"distinct_{name}": Count(name, distinct=True) for name in IMAGE_COLUMNS},
            **{f"empty_{name}": Count("pk", filter=Q(**{name: ""})) for name in ("label", "split")},
        )
        return [{"name": name, "type": kind, **_counts(found, name)} for name, kind in pairs]
    return tables.columns(one)


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
    file = _file(request)
    wish = Wish(
        kind=request.POST.get("kind", "auto"),
        read=read_field(request, "read"),
        types=read_field(request, "types"),
    )
    one = services.upload(project, user, request.POST.get("name", ""), file, wish)
    return _importing(one)


def replace(request: HttpRequest, key: str, name: str) -> dict[str, Any]:
    user = caller(request)
    one = queries.dataset_for(project_for(user, key, Role.EDITOR), name)
    replacing.replace(one, user, _file(request))
    return _importing(one)


def _file(request: HttpRequest) -> UploadedFile:
    file = read_file(request, limit=settings.UPLOAD_MAX_BYTES)
    if (file.size or 0) > settings.UPLOAD_MAX_BYTES:
        most = settings.UPLOAD_MAX_BYTES >> 20
        raise Failure(413, "too_large", f"A file may have {most} MiB at most.", "file")
    return file


def _importing(one: Dataset) -> dict[str, Any]:
    return {"name": one.name, "state": one.state, "job": one.job_id}


def get(request: HttpRequest, key: str, name: str) -> dict[str, Any]:
    """All columns with all figures, unless `?column=` names some or `?figures=false` asks less."""
    one = queries.dataset_for(project_for(request.user, key), name)
    columns = _columns(one)
    if wanted := set(request.GET.getlist("column")):
        _known(one, request.GET.getlist("column"), {column["name"] for column in columns})
        columns = [column for column in columns if column["name"] in wanted]
    if request.GET.get("figures") == "false":
        columns = [{name: told[name] for name in BRIEF if name in told} for told in columns]
    return shown(one, columns)


def _known(one: Dataset, wanted: list[str], names: Container[str]) -> None:
    if unknown := [name for name in wanted if name not in names]:
        words = f"{one.name} has no column called {unknown[0][:80]!r}."
        raise Failure(422, "no_such_column", words, "column")


def correct(request: HttpRequest, body: dict[str, Any], key: str, name: str) -> dict[str, Any]:
    """The file of a table is imported again, with these types and options."""
    user = caller(request)
    one = queries.dataset_for(project_for(user, key, Role.EDITOR), name)
    corrections.correct(one, user, body.get("types") or {}, body.get("read"))
    return _importing(one)


def delete(request: HttpRequest, key: str, name: str) -> dict[str, Any]:
    user = caller(request)
    services.delete(queries.dataset_for(project_for(user, key, Role.EDITOR), name), user)
    return {}


def rows(request: HttpRequest, key: str, name: str) -> dict[str, Any] | HttpResponseBase:
    """A window as JSON; the whole dataset as CSV or Parquet where the caller accepts that."""
    one = queries.dataset_for(project_for(request.user, key), name)
    accepts = request.headers.get("Accept", "")
    if "text/csv" in accepts:
        return _csv(request, one)
    if "parquet" in accepts:
        return _parquet(request, one)
    offset = whole(request, "offset", 0, 10**15)
    limit = whole(request, "limit", ROWS, ROWS_MOST)
    if one.kind == "table":
        return _window(one, offset, limit, request.GET.getlist("column"))
    found = one.pictures.order_by("number")[offset : offset + limit]
    return {"columns": IMAGE_COLUMNS, "rows": [_row(picture) for picture in found]}


def _window(one: Dataset, offset: int, limit: int, wanted: list[str]) -> dict[str, Any]:
    table = tables.table(one)
    places = {name: place for place, name in enumerate(table.names)}
    _known(one, wanted, places)
    names = list(dict.fromkeys(wanted)) or table.names
    if len(names) > COLUMNS_MOST:
        words = (
            f"A window shows {COLUMNS_MOST:,} columns at most, not {len(names):,}. Name some with "
            "?column=, or take the whole dataset with Accept: text/csv or Parquet."
        )
        raise Failure(422, "too_many_columns", words, "column")
    try:
        rows = table.window(offset, limit, [places[name] for name in names])
    except TooLarge:
        words = (
            f"These rows have more than {WINDOW >> 20} MiB. Ask for fewer with ?limit= or "
            "?column=, or take the whole dataset with Accept: text/csv or Parquet."
        )
        raise Failure(422, "too_large", words, "limit") from None
    return {"columns": names, "rows": rows}


def _row(picture: Picture) -> list[Any]:
    return [picture.path, picture.label, picture.split, picture.width, picture.height]


def _csv(request: HttpRequest, one: Dataset) -> HttpResponseBase:
    user = caller(request)
    lines: Iterable[list[Any]]
    if one.kind == "table":
        table = tables.table(one)
        lines = chain([table.names], table.lines())
    else:
        pictures = one.pictures.order_by("number").iterator(chunk_size=1000)
        lines = chain([IMAGE_COLUMNS], map(_row, pictures))
    audit(user, "download", f"{one.project.key}/{one.name}.csv")
    return streamed(request, spreadsheet.pieces(lines), content_type=CSV)


def _parquet(request: HttpRequest, one: Dataset) -> HttpResponseBase:
    user = caller(request)
    path = tables.parquet_file(one) if one.kind == "table" else None
    if path is None:
        words = f"The rows of {one.name} come as JSON or, with Accept: text/csv, as CSV."
        raise Failure(406, "not_acceptable", words)
    audit(user, "download", f"{one.project.key}/{one.name}.parquet")
    return streamed_file(request, path, content_type=PARQUET)
