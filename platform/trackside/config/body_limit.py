"""How much a request may send, decided before a byte of it is written to disk.

Under ASGI Django spools the whole body to a file before any view or middleware runs, so the limit
must stand in front of Django.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.conf import settings

from trackside.compute import room
from trackside.ui import words

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[..., Awaitable[None]]

SMALL = 32 * 2**20  # forms, JSON, one image to try a model on
UPLOADS = re.compile(r"^(/p/[^/]+/upload/|/api/v1/projects/[^/]+/datasets/?)$")
SPARE = 2**20  # the multipart frame around a file


class TooLarge(Exception):
    """The body went over its limit while it came in."""


def limit_of(scope: Scope) -> int:
    """Large bodies only where files are uploaded, and only from those who show a credential."""
    names = {name for name, _ in scope.get("headers", [])}
    known = b"cookie" in names or b"authorization" in names
    if known and UPLOADS.match(scope.get("path", "")):
        return int(settings.UPLOAD_MAX_BYTES) + SPARE
    return SMALL


def limited(app: App) -> App:
    """`app` behind the limit: 413 with a sentence, and the rest of the body is not read."""

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        most, seen = limit_of(scope), 0
        if _announced(scope) > most:
            await _refuse(send, *_too_large(most))
            return
        size = _announced(scope)
        if size and most > SMALL and (sentence := await _no_room(size)):
            await _refuse(send, 507, "no_room", sentence)
            return

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > most:
                raise TooLarge
            return message

        try:
            await app(scope, counted, send)
        except TooLarge:  # Django reads the whole body first: nothing was answered yet
            await _refuse(send, *_too_large(most))

    return inner


def _announced(scope: Scope) -> int:
    raw = dict(scope.get("headers", [])).get(b"content-length", b"0")
    return int(raw) if raw.isdigit() and len(raw) < 19 else 0


def _too_large(most: int) -> tuple[int, str, str]:
    return 413, "too_large", f"This is larger than the {most >> 20} MiB that this address takes."


async def _no_room(announced: int) -> str:
    """Would the file leave too little where it is kept while it comes in?"""
    place = await asyncio.to_thread(room.look, settings.FILE_UPLOAD_TEMP_DIR)
    if not place.trouble and place.free - announced >= settings.STORAGE_FLOOR:
        return ""
    return (
        f"There is no room for an upload of {words.size(announced)} now. "
        "Delete datasets or models that nobody needs, or ask an administrator for more space."
    )


async def _refuse(send: Send, status: int, code: str, sentence: str) -> None:
    body = json.dumps({"error": {"code": code, "message": sentence}}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
