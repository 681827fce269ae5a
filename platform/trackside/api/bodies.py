"""Reading what a call brings: JSON of a known shape, or a form with a file. Nothing is guessed."""

import hashlib
import json
import math
import re
from collections import Counter
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest

from trackside.api.failures import Failure
from trackside.api.schemas import BadShape, Schema, check

JSON_MAX = 2 * 2**20
DEPTH_MAX = 50  # of lists and objects in each other
DIGITS = 300  # of a whole number: a float has room for them
FORBIDDEN = re.compile("[\0\ud800-\udfff]")  # no database keeps these


def read_json(request: HttpRequest, schema: Schema) -> dict[str, Any]:
    """The body as an object that fits `schema`. An absent body is an empty object."""
    if int(request.headers.get("Content-Length") or 0) > JSON_MAX or len(request.body) > JSON_MAX:
        raise Failure(413, "too_large", f"A JSON body may have {JSON_MAX // 2**20} MiB at most.")
    if not request.body.strip():
        value: Any = {}
    else:
        _is_json(request)
        value = _parse(request.body)
    try:
        check(value, schema)
    except BadShape as wrong:
        raise Failure(422, "invalid", str(wrong), wrong.field) from None
    return dict(value)


def _is_json(request: HttpRequest) -> None:
    kind = request.content_type or "nothing"
    if kind != "application/json":
        raise Failure(
            415, "unsupported_media_type", f"This call takes application/json, not {kind[:80]}."
        )


def _parse(body: bytes) -> Any:
    try:
        value = json.loads(
            body,
            parse_constant=_refuse,
            parse_float=_finite,
            parse_int=_whole,
            object_pairs_hook=_once,
        )
        _storable(value)
        return value
    except RecursionError:
        raise Failure(400, "bad_json", "The JSON is nested too deeply.") from None
    except ValueError as wrong:
        raise Failure(400, "bad_json", f"The body is not valid JSON: {wrong}.") from None


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no number in JSON")


def _finite(written: str) -> float:
    number = float(written)
    if not math.isfinite(number):
        raise ValueError(f"{written[:80]} is too large a number")
    return number


def _whole(written: str) -> int:
    """What takes a number takes a whole one too, and may compute with it."""
    if len(written) > DIGITS:
        raise ValueError(f"{written[:80]} is too large a number")
    return int(written)


def _storable(value: Any) -> None:
    """No text that a database refuses, nothing so deep that it cannot be written out again."""
    layer = [value]
    for _ in range(DEPTH_MAX):
        below: list[Any] = []
        for one in layer:
            if isinstance(one, dict):
                below += [*one, *one.values()]
            elif isinstance(one, list):
                below += one
            elif isinstance(one, str) and (bad := FORBIDDEN.search(one)):
                raise ValueError(f"a text holds U+{ord(bad[0]):04X}, which is no character")
        layer = below
        if not layer:
            return
    raise RecursionError


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        (twice, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"the key {twice[:80]!r} stands there twice")
    return value


def read_file(request: HttpRequest, *, limit: int) -> UploadedFile:
    """The one file of a multipart form."""
    if request.content_type != "multipart/form-data":
        raise Failure(
            415, "unsupported_media_type", "Send the file as multipart/form-data in field 'file'."
        )
    if int(request.headers.get("Content-Length") or 0) > limit:
        raise Failure(413, "too_large", f"A file may have {limit // 2**20} MiB at most.", "file")
    files = request.FILES.getlist("file")
    if len(files) != 1:
        raise Failure(422, "invalid", f"Send one file in field 'file', not {len(files)}.", "file")
    return files[0]


def read_field(request: HttpRequest, name: str) -> dict[str, Any]:
    """A JSON object in a text field of a multipart form; {} when it is absent or empty."""
    raw = request.POST.get(name, "").strip()
    if not raw:
        return {}
    try:
        value = _parse(raw.encode("utf-8", "surrogatepass"))
    except Failure as wrong:
        raise Failure(422, "invalid", f"{name!r} is no valid JSON: {wrong.message}", name) from None
    if not isinstance(value, dict):
        raise Failure(422, "invalid", f"{name!r} must be a JSON object.", name)
    return value


def fingerprint(request: HttpRequest) -> str:
    """What makes two requests the same: method, address and body; of files, their bytes."""
    digest = hashlib.sha256(f"{request.method} {request.get_full_path()}\n".encode())
    if request.content_type != "multipart/form-data":
        digest.update(request.body)
        return digest.hexdigest()
    for name, values in sorted(request.POST.lists()):
        digest.update(json.dumps([name, values]).encode())
    files: dict[str, UploadedFile] = {name: request.FILES[name] for name in request.FILES}  # type: ignore[misc]
    for _, file in sorted(files.items()):
        digest.update(json.dumps(file.name).encode())
        for chunk in file.chunks():
            digest.update(chunk)
        file.seek(0)
    return digest.hexdigest()
