"""The part of JSON Schema that our documents use, checked on what comes in.

The same schemas stand in the OpenAPI document, so what it promises is what is enforced.
"""

import re
from typing import Any

Schema = dict[str, Any]
TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
}
WORDS = {
    "object": "an object",
    "array": "a list",
    "string": "a text",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "null": "null",
}


class BadShape(Exception):
    """The value does not fit its schema. `field` is the path to what is wrong."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


def check(value: Any, schema: Schema, field: str = "") -> None:
    """Raises BadShape with a sentence for the first thing that does not fit."""
    _type(value, schema, field)
    _bounds(value, schema, field)
    if isinstance(value, dict):
        _object(value, schema, field)
    if isinstance(value, list):
        for number, one in enumerate(value):
            check(one, schema.get("items", {}), f"{field}[{number}]")


def _type(value: Any, schema: Schema, field: str) -> None:
    wanted = schema.get("type")
    names = [wanted] if isinstance(wanted, str) else list(wanted or [])
    if not names or any(_is(value, name) for name in names):
        return
    words = " or ".join(WORDS[name] for name in names)
    raise BadShape(field, f"{_said(field)} must be {words}, not {_short(value)}.")


def _is(value: Any, name: str) -> bool:
    if isinstance(value, bool) and name != "boolean":
        return False
    return isinstance(value, TYPES[name])


def _object(value: dict[str, Any], schema: Schema, field: str) -> None:
    known: dict[str, Schema] = schema.get("properties", {})
    for name in schema.get("required", []):
        if name not in value:
            raise BadShape(_path(field, name), f"{_path(field, name)!r} is missing.")
    for name, one in value.items():
        if name in known:
            check(one, known[name], _path(field, name))
        elif schema.get("additionalProperties") is False:
            listed = ", ".join(sorted(known)) or "none"
            raise BadShape(
                _path(field, name), f"There is no field called {name[:80]!r} here. Known: {listed}."
            )


def _bounds(value: Any, schema: Schema, field: str) -> None:
    said = _said(field)
    if "enum" in schema and value not in schema["enum"]:
        listed = ", ".join(map(str, schema["enum"]))
        raise BadShape(field, f"{said} must be one of {listed}, not {_short(value)}.")
    if isinstance(value, str):
        _text(value, schema, field)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        _number(value, schema, field)


def _number(value: float, schema: Schema, field: str) -> None:
    low, high = schema.get("minimum"), schema.get("maximum")
    if (low is None or value >= low) and (high is None or value <= high):
        return
    bounds = f"be {low} or more" if high is None else f"lie between {low} and {high}"
    raise BadShape(field, f"{_said(field)} must {bounds}, not {_short(value)}.")


def _text(value: str, schema: Schema, field: str) -> None:
    said, least, most = _said(field), schema.get("minLength", 0), schema.get("maxLength")
    if len(value) < least:
        raise BadShape(field, f"{said} must have at least {least} character(s).")
    if most is not None and len(value) > most:
        raise BadShape(field, f"{said} must have at most {most} characters, not {len(value)}.")
    pattern = schema.get("pattern")
    if pattern and not re.search(pattern, value):
        why = schema.get("description", f"match {pattern}")
        raise BadShape(field, f"{said} is not right: {_short(value)}. {why}")


def _path(field: str, name: str) -> str:
    return f"{field}.{name}" if field else name


def _said(field: str) -> str:
    return repr(field) if field else "The body"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
