"""The OpenAPI 3.1 document, made from the table of operations and the cards' schemas."""

from collections.abc import Iterable
from typing import Any

from trackside.api import shapes
from trackside.api.operations import Operation, Query

WHOLE_NUMBERS = {"id", "n", "v"}
PATHS = {
    "key": "the project's key",
    "name": "the name",
    "id": "the number",
    "n": "the session's number",
    "v": "the version's number",
    "uuid": "the GPU's UUID",
}
IDEMPOTENCY = Query(
    name="Idempotency-Key",
    schema={"type": "string", "maxLength": 100},
    text="The same key with the same body answers the same thing and starts nothing twice.",
    place="header",
)


def document(operations: Iterable[Operation]) -> dict[str, Any]:
    paths: dict[str, dict[str, Any]] = {}
    for one in operations:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Trackside",
            "version": "1",
            "description": "Pick GPUs, train, deploy and score over REST. Tokens are made on your "
            "account page. Errors have a code for programs and a sentence for people.",
        },
        "servers": [{"url": "/api/v1"}],
        "security": [{"token": []}],
        "tags": [{"name": tag} for tag in dict.fromkeys(one.tag for one in operations)],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Error": shapes.ERROR},
        },
    }


def _operation(one: Operation) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "operationId": f"{one.method.lower()}{_camel(one.path)}",
        "tags": [one.tag],
        "summary": one.text,
        "parameters": [*_in_path(one.path), *map(_parameter, one.query)],
        "responses": {str(one.status): _success(one), "default": _failure()},
    }
    if one.about:
        entry["description"] = one.about
    if one.starts:
        entry["parameters"].append(_parameter(IDEMPOTENCY))
    if one.body is not None:
        required = bool(one.body.get("required"))
        content = {"application/json": {"schema": one.body}}
        entry["requestBody"] = {"required": required, "content": content}
    if one.form is not None:
        content = {"multipart/form-data": {"schema": one.form}}
        entry["requestBody"] = {"required": True, "content": content}
    return entry


def _in_path(path: str) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": PATHS[name],
            "schema": {"type": "integer" if name in WHOLE_NUMBERS else "string"},
        }
        for name in names
    ]


def _parameter(one: Query) -> dict[str, Any]:
    return {
        "name": one.name,
        "in": one.place,
        "required": False,
        "description": one.text,
        "schema": one.schema,
    }


def _success(one: Operation) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if one.answer is not None:
        content["application/json"] = {"schema": one.answer}
    content.update({kind: {"schema": {"type": "string"}} for kind in one.answers})
    answer: dict[str, Any] = {"description": "Done" if one.status == 204 else "The answer"}
    if content:
        answer["content"] = content
    return answer


def _failure() -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Error"}
    return {"description": "What is wrong", "content": {"application/json": {"schema": schema}}}


def _camel(path: str) -> str:
    words = path.replace("{", "by-").replace("}", "").replace("/", "-").split("-")
    return "".join(word.capitalize() for word in words if word)
