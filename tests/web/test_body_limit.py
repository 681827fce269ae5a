"""Nobody fills the disk: bodies end at the limit of their address, announced or not."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings

from trackside.config import body_limit

COOKIE = (b"cookie", b"trackside=x")


async def swallow(scope: Any, receive: Any, send: Any) -> None:
    """Reads the whole body, as Django does, then answers with its size."""
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(size).encode()})


def call(path: str, sizes: list[int], headers: list[tuple[bytes, bytes]]) -> tuple[int, bytes, int]:
    """Status, body, and how many pieces were read of a request that sends `sizes`."""
    sent: list[Any] = []
    rest: Iterator[int] = iter(sizes)
    read = 0

    async def receive() -> Any:
        nonlocal read
        read += 1
        return {"type": "http.request", "body": b"x" * next(rest), "more_body": read < len(sizes)}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "path": path, "headers": headers}
    asyncio.run(body_limit.limited(swallow)(scope, receive, send))
    return sent[0]["status"], sent[1]["body"], read


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_limit, "SMALL", 1000)
    monkeypatch.setattr(body_limit, "SPARE", 0)
    monkeypatch.setattr(settings, "UPLOAD_MAX_BYTES", 5000)


@pytest.mark.parametrize(
    "path", ["/login/", "/p/A/settings/", "/api/v1/jobs/1/stop", "/p/A/b/upload/"]
)
def test_an_ordinary_address_takes_little(path: str) -> None:
    assert call(path, [500, 400], [COOKIE])[:2] == (200, b"900")
    assert call(path, [500, 400, 500, 500], [COOKIE])[0::2] == (413, 3)


@pytest.mark.parametrize("path", ["/p/INSECTS/upload/", "/api/v1/projects/INSECTS/datasets"])
def test_an_upload_takes_much_but_not_from_strangers(path: str) -> None:
    assert call(path, [2000, 2900], [COOKIE])[:2] == (200, b"4900")
    assert call(path, [2000, 2900, 200], [COOKIE])[0] == 413
    assert call(path, [900, 200], [])[0] == 413


def test_an_announced_size_is_refused_before_a_byte_is_read() -> None:
    status, body, read = call("/login/", [1], [COOKIE, (b"content-length", b"99999")])
    assert (status, read) == (413, 0)
    assert b"larger than" in body


@pytest.mark.parametrize("length", [b"-1", b"1e9", b"", b"9" * 50, b"abc"])
def test_a_size_that_lies_does_not_help(length: bytes) -> None:
    headers = [COOKIE, (b"content-length", length)]
    assert call("/login/", [600, 600], headers)[0] == 413
