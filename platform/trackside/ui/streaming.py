"""Long answers in pieces, under ASGI and WSGI alike.

Django reads a plain iterator to its end before an ASGI server sends the first byte; here each piece
is fetched in a thread when the client has taken the last one.
"""

from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import TypeVar, cast

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

Piece = TypeVar("Piece", bytes, str)
AT_ONCE = 2**18


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


def streamed_file(
    request: HttpRequest, path: Path, *, content_type: str, filename: str = ""
) -> StreamingHttpResponse:
    """The bytes of a file, with their number. Raises OSError when it cannot be opened."""
    size = path.stat().st_size
    answer = streamed(request, _read(path, size), content_type=content_type, filename=filename)
    answer["Content-Length"] = str(size)
    return answer


def _read(path: Path, size: int) -> Iterator[bytes]:
    """As many as were promised, should the file grow meanwhile."""
    with path.open("rb") as source:
        while size > 0 and (piece := source.read(min(AT_ONCE, size))):
            size -= len(piece)
            yield piece


async def _later(pieces: Iterator[Piece]) -> AsyncIterator[Piece]:
    end = object()
    following = sync_to_async(lambda: next(pieces, end), thread_sensitive=False)
    while (piece := await following()) is not end:
        yield cast(Piece, piece)
