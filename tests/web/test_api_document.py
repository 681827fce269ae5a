"""The OpenAPI document: well formed, and true: every call of it exists and nothing else does."""

import re
from typing import Any

import jsonschema
import pytest
from django.test import Client
from django.urls import get_resolver

from tests.web.world import Rest
from trackside.accounts.models import User
from trackside.api.pages import whole_document
from trackside.api.schemas import BadShape, check

METHODS = ("get", "post", "put", "patch", "delete")


def addresses() -> set[str]:
    """The API's own patterns as the resolver knows them, in the document's spelling."""
    found = set()
    for entry in get_resolver().url_patterns:
        for pattern in getattr(entry, "url_patterns", [entry]):
            text = str(pattern.pattern)
            if text.startswith("api/v1/") and "<path:" not in text:
                found.add("/" + re.sub(r"<\w+:(\w+)>", r"{\1}", text.removeprefix("api/v1/")))
    return found - {"/", "/openapi.json", "/docs"}


def test_every_address_is_documented_and_every_documented_one_exists() -> None:
    assert addresses() == set(whole_document()["paths"])


def schemas_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    found = []
    for path in document["paths"].values():
        for one in path.values():
            found += [parameter["schema"] for parameter in one["parameters"]]
            bodies = [one.get("requestBody", {}), *one["responses"].values()]
            for body in bodies:
                found += [kind["schema"] for kind in body.get("content", {}).values()]
    return found


def test_every_schema_is_a_json_schema() -> None:
    for schema in schemas_of(whole_document()):
        jsonschema.Draft202012Validator.check_schema(schema)


def test_every_operation_has_a_name_of_its_own_and_says_what_it_does() -> None:
    document = whole_document()
    calls = [one for path in document["paths"].values() for one in path.values()]
    names = [one["operationId"] for one in calls]
    assert len(set(names)) == len(names)
    assert all(one["summary"] for one in calls)


def test_path_parameters_are_those_of_the_address() -> None:
    for address, path in whole_document()["paths"].items():
        for one in path.values():
            named = {p["name"] for p in one["parameters"] if p["in"] == "path"}
            assert named == set(re.findall(r"\{(\w+)\}", address))


def test_documented_methods_answer_and_others_are_refused(ada: User, project: object) -> None:
    rest = Rest(ada)
    for address, path in whole_document()["paths"].items():
        plain = re.sub(r"\{(id|n|v)\}", "7", address).replace("{key}", "K").replace("{name}", "n")
        for method in METHODS:
            answer = rest.call(method.upper(), plain, {} if method != "get" else None)
            refused = answer.status_code == 405
            assert refused == (method not in path), (method, address, answer.status_code)


def test_the_document_and_its_page_are_public(client: Client) -> None:
    assert client.get("/api/v1/openapi.json").json()["openapi"] == "3.1.0"
    assert client.get("/api/v1/docs").status_code == 200


SCHEMA = {
    "type": "object",
    "required": ["a"],
    "additionalProperties": False,
    "properties": {
        "a": {"type": "integer", "minimum": 1, "maximum": 3},
        "b": {"type": "array", "items": {"type": "string", "maxLength": 2}},
        "c": {"type": ["string", "null"], "enum": ["x", None]},
    },
}


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"a": 4}, "a"),
        ({"a": True}, "a"),
        ({"a": "1"}, "a"),
        ({}, "a"),
        ({"a": 1, "z": 1}, "z"),
        ({"a": 1, "b": ["x", 3]}, "b[1]"),
        ({"a": 1, "b": ["xyz"]}, "b[0]"),
        ({"a": 1, "c": "y"}, "c"),
        ([], ""),
    ],
)
def test_what_does_not_fit_is_named(value: Any, field: str) -> None:
    with pytest.raises(BadShape) as wrong:
        check(value, SCHEMA)
    assert wrong.value.field == field
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(value)


def test_what_fits_passes() -> None:
    check({"a": 2, "b": ["x"], "c": None}, SCHEMA)
