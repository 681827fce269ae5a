"""Long answers in pieces, under ASGI and WSGI alike.

Django reads a plain iterator to its end before an ASGI server sends the first byte; here each piece
is fetched in a thread when the client has taken the last one.
"""

from collections.abc import AsyncIterator, Iterable, Iterator
from typing import TypeVar, cast

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

Piece = TypeVar("Piece", bytes, str)


def streamed(
    request: HttpRequest, pieces: Iterable[Piece], *, content_type: str, filename: str = ""
) -> StreamingHttpResponse:
    """`filename` makes it a download; it must be of plain characters."""
    body = _later(iter(pieces)) if isinstance(request, ASGIRequest) else pieces
    answer = StreamingHttpResponse(body, content_type=content_type)
    if filename:
        answer["Content-Disposition"] = f'attachment; filename="{filename}"'
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


async def _later(pieces: Iterator[Piece]) -> AsyncIterator[Piece]:
    end = object()
    following = sync_to_async(lambda: next(pieces, end), thread_sensitive=False)
    while (piece := await following()) is not end:
        yield cast(Piece, piece)
