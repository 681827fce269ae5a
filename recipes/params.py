"""What a person may set: fields with bounds, and the sentence for each wrong value.

A card declares `Params(...)`; forms, REST schemas and checks are all made from it. Standard library
only.
"""

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

Value = Any  # what JSON can hold: the one type that a form, a job.json and a database row share


class ParamError(Exception):
    """One or more values are wrong. `errors` maps a field's name to its sentence."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__(" ".join(errors.values()))
        self.errors = errors


@dataclass(frozen=True)
class Values:
    """A search tries these."""

    values: tuple[Value, ...]


@dataclass(frozen=True)
class Range:
    """A search draws from here, both ends included; `log`: each order of size alike."""

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True, kw_only=True)
class Param:
    """One field. `group` is a section of its tab; `when`: a field and the values that show it;
    `tasks`: those that it means something to, () for all.

    `search` is what the standard search of the algorithm tries; None: it leaves it as it is.
    """

    name: str
    label: str
    default: Value
    help: str = ""
    unit: str = ""
    group: str = ""
    advanced: bool = False
    when: tuple[str, tuple[Value, ...]] | None = None
    tasks: tuple[str, ...] = ()
    search: Values | Range | None = None
    type: ClassVar[str] = "string"

    def clean(self, raw: Value) -> Value:
        """The value in its own type. Raises ValueError with the sentence."""
        return raw

    def schema(self) -> dict[str, Value]:
        """This field as JSON Schema."""
        return {
            "type": self.type,
            "default": self.default,
            "title": self.label,
            "description": self.help,
        }


@dataclass(frozen=True, kw_only=True)
class Number(Param):
    """A number between two bounds, both included."""

    minimum: float
    maximum: float
    step: float | None = None
    whole: bool = False

    def clean(self, raw: Value) -> Value:
        number = self._parse(raw)
        if not self.minimum <= number <= self.maximum:
            raise ValueError(
                f"{self.label!r} must lie between {_bound(self.minimum)} and "
                f"{_bound(self.maximum)}, not {raw}."
            )
        return number

    def _parse(self, raw: Value) -> float | int:
        kind = "a whole number" if self.whole else "a number"
        wrong = ValueError(f"{self.label!r} must be {kind}, not {raw!r}.")
        if isinstance(raw, bool) or raw is None:
            raise wrong
        try:
            number = float(raw)
        except (TypeError, ValueError, OverflowError):
            raise wrong from None
        if not math.isfinite(number) or (self.whole and number != int(number)):
            raise wrong
        return int(number) if self.whole else number

    def schema(self) -> dict[str, Value]:
        kind = "integer" if self.whole else "number"
        return {**super().schema(), "type": kind, "minimum": self.minimum, "maximum": self.maximum}


def _bound(number: float) -> str:
    """Large whole numbers with all their digits."""
    return f"{number:,.0f}" if number >= 1e6 and number == int(number) else f"{number:g}"


def Whole(*, minimum: int, maximum: int, **rest: Any) -> Number:  # noqa: N802 - reads as a field type
    """A whole number between two bounds."""
    return Number(minimum=minimum, maximum=maximum, whole=True, **rest)


@dataclass(frozen=True, kw_only=True)
class Flag(Param):
    """On or off."""

    type: ClassVar[str] = "boolean"

    def clean(self, raw: Value) -> Value:
        known = {
            True: True,
            False: False,
            "true": True,
            "on": True,
            "1": True,
            "yes": True,
            "false": False,
            "off": False,
            "0": False,
            "no": False,
            "": False,
        }
        try:
            return known[raw.lower() if isinstance(raw, str) else raw]
        except (KeyError, TypeError):
            raise ValueError(f"{self.label!r} must be on or off, not {raw!r}.") from None


@dataclass(frozen=True, kw_only=True)
class Choice(Param):
    """One of a few values. `options` are (value, label, one-line help)."""

    options: tuple[tuple[str, str, str], ...]
    shape: Literal["select", "radio", "segments"] = "select"

    def clean(self, raw: Value) -> Value:
        values = [value for value, _, _ in self.options]
        if raw not in values:
            raise ValueError(f"{self.label!r} must be one of {', '.join(values)}, not {raw!r}.")
        return raw

    def schema(self) -> dict[str, Value]:
        return {**super().schema(), "enum": [value for value, _, _ in self.options]}


@dataclass(frozen=True, kw_only=True)
class FromCatalogue(Param):
    """A name out of a list that only the nodes know, such as the backbones: `list` says which.

    The web narrows the choice to what the nodes reported; recipes check it again when they build.
    """

    list: str

    def clean(self, raw: Value) -> Value:
        if (
            not isinstance(raw, str)
            or not raw
            or len(raw) > 80
            or not raw.replace("_", "").isalnum()
        ):
            raise ValueError(f"{self.label!r} must be a name from the list, not {raw!r}.")
        return raw


@dataclass(frozen=True, kw_only=True)
class FromProject(FromCatalogue):
    """A name out of a list that only the project knows, such as its tables; "" is none of them.

    The web checks that there is such a thing; recipes are given where it lies.
    """

    def clean(self, raw: Value) -> Value:
        if not isinstance(raw, str) or len(raw) > 80:
            raise ValueError(f"{self.label!r} must be a name from the list, not {str(raw)[:80]!r}.")
        return raw


@dataclass(frozen=True)
class Params:
    """An ordered set of fields."""

    fields: tuple[Param, ...] = field(default=())

    def __post_init__(self) -> None:
        names = [one.name for one in self.fields]
        if len(set(names)) != len(names):
            raise TypeError(f"Two fields have the same name in {names}.")

    def of(self, task: str) -> "Params":
        """Those that mean something to the task; "": all."""
        meant = [one for one in self.fields if not (task and one.tasks) or task in one.tasks]
        return Params(tuple(meant))

    def in_use(self, values: dict[str, Value]) -> list[Param]:
        """Those that no other value makes idle."""
        by_name = {one.name: one for one in self.fields}

        def used(one: Param | None) -> bool:
            if one is None or one.when is None:
                return True
            return values.get(one.when[0]) in one.when[1] and used(by_name.get(one.when[0]))

        return [one for one in self.fields if used(one)]

    def defaults(self) -> dict[str, Value]:
        return {one.name: one.default for one in self.fields}

    def clean(self, given: dict[str, Value]) -> dict[str, Value]:
        """All fields, defaults filled in. Raises ParamError: a sentence a field."""
        known = {one.name for one in self.fields}
        errors = {
            name: f"There is no setting called {name!r}. Known: {', '.join(sorted(known))}."
            for name in given
            if name not in known
        }
        values: dict[str, Value] = {}
        for one in self.fields:
            try:
                values[one.name] = one.clean(given.get(one.name, one.default))
            except ValueError as wrong:
                errors[one.name] = str(wrong)
        if errors:
            raise ParamError(errors)
        return values

    def schema(self) -> dict[str, Value]:
        """JSON Schema of the whole set."""
        properties = {one.name: one.schema() for one in self.fields}
        return {"type": "object", "additionalProperties": False, "properties": properties}
