"""Lists in pages: `?limit=` of them, from behind `?after=` on, the last page's `next`."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.db.models import IntegerField, Model, QuerySet
from django.http import HttpRequest

from trackside.api.failures import Failure

LIMIT, MOST = 50, 200
Row = TypeVar("Row", bound=Model)


def whole(request: HttpRequest, name: str, default: int, most: int) -> int:
    """A whole number of the query string."""
    raw = request.GET.get(name)
    if raw is None:
        return default
    if not raw.isascii() or not raw.isdigit() or len(raw) > 18 or int(raw) > most:
        raise Failure(
            422, "invalid", f"{name!r} must be a whole number from 0 to {most}, not {raw!r}.", name
        )
    return int(raw)


def page(
    request: HttpRequest,
    rows: QuerySet[Any],
    by: str,
    noun: str,
    shown: Callable[[Any], dict[str, Any]],
) -> dict[str, Any]:
    """`{noun: [...], "next": cursor or null}`; `by` is the unique field that orders the list.

    A leading minus turns the order round.
    """
    found, following = part(request, rows, by)
    return {noun: [shown(one) for one in found], "next": following}


def part(request: HttpRequest, rows: QuerySet[Row], by: str) -> tuple[list[Row], str | None]:
    """The rows of a page, and where the next one goes on."""
    limit = max(1, whole(request, "limit", LIMIT, MOST))
    field, down = by.lstrip("-"), by.startswith("-")
    after = request.GET.get("after", "")
    if after:
        rows = _behind(rows, field, after, down)
    found = list(rows.order_by(by)[: limit + 1])
    more = len(found) > limit
    last = str(getattr(found[limit - 1], field)) if more else None
    return found[:limit], last


def _behind(rows: QuerySet[Row], field: str, after: str, down: bool) -> QuerySet[Row]:
    number = field == "pk" or isinstance(rows.model._meta.get_field(field), IntegerField)
    if number and not (after.isascii() and after.isdigit() and len(after) < 19):
        raise Failure(422, "invalid", f"'after' must be a 'next' of this list, not {after!r}.")
    return rows.filter(**{f"{field}__{'lt' if down else 'gt'}": after})
