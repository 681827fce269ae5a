"""What type each column has: a guess that the values themselves narrow, block after block."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recipes.data.tables.forms import (
    FORMS,
    INTEGER,
    NUMBER,
    OF_TYPE,
    RIVALS,
    TEXT,
    Form,
)
from recipes.data.tables.looks import looks_of
from recipes.data.tables.plain import plain
from recipes.data.tables.problems import Problems
from recipes.data.tables.reading import Block, Lines, Reading

OWN_TYPES = (  # Arrow types that need no reading: (is it?, our type)
    (pa.types.is_boolean, "boolean"),
    (pa.types.is_integer, "integer"),
    (pa.types.is_decimal, "integer"),
    (pa.types.is_floating, "number"),
    (pa.types.is_date, "date"),
    (pa.types.is_timestamp, "datetime"),
)
PROBE = 8  # values
LONGEST = 1 << 20  # bytes of a text


class Guess:
    """A column whose type nobody named. `alive` are the forms that all values so far fit."""

    given = False

    def __init__(self, name: str) -> None:
        self.name = name
        self.warnings: list[str] = []
        self._alive: tuple[Form, ...] = FORMS
        self._seen = False

    @property
    def form(self) -> Form:
        return self._alive[0] if self._alive and self._seen else TEXT

    def take(self, values: pa.Array, may: frozenset[str] | None) -> pa.Array:
        """The values in the form that fits all so far. Nulls are missing."""
        if values.null_count == len(values):
            return pa.nulls(len(values), self.form.kept_as)
        self._seen = True
        if may is not None:
            self._alive = tuple(form for form in self._alive if form.type in may)
        found: pa.Array | None = None
        fitting: list[Form] = []
        implied: set[str] = set()
        first = values.drop_null().slice(0, PROBE)  # rules most forms out at little cost
        for form in self._alive:
            if fitting and form.family != fitting[0].family:
                continue
            if form.name not in implied:
                parsed = form.parse(values) if form.parse(first) is not None else None
                if parsed is None:
                    continue
                found = parsed if found is None else found
            implied.update(form.wider)
            fitting.append(form)
        self._alive = tuple(fitting)
        return values if found is None else found

    def close(self) -> None:
        """All values were seen: what has two meanings, as a date whose day nobody can tell, stays
        text."""
        names = [form.name.removesuffix(" time") for form in self._alive]
        for pair, said in RIVALS.items():
            if pair <= set(names) and names[0] in pair:
                self._alive = ()
                self.warnings.append(said)
                return


class Given:
    """A column whose type its owner named: what does not fit is a problem, and missing."""

    given = True

    def __init__(self, name: str, type_: str) -> None:
        self.name = name
        self.type = type_
        self.warnings: list[str] = []
        self._forms = OF_TYPE[type_]
        self._form: Form | None = None

    @property
    def form(self) -> Form:
        return self._form or self._forms[0]

    def take(self, values: pa.Array, lines: Lines, problems: Problems) -> pa.Array:
        if self.type == "text" or values.null_count == len(values):
            return values if self.type == "text" else pa.nulls(len(values), self.form.kept_as)
        rest = plain(values, self.type)
        found, misfits = self._read(rest)
        told = misfits[: problems.room(self.name)]
        for row in told:
            text = values[row].as_py()
            said = f"{text[:80]!r} {self._unfit(rest[row].as_py())}, which {self.name} is set to."
            problems.value(int(lines[row]), self.name, f"{said} It is missing here.")
        problems.more_values(self.name, len(misfits) - len(told))
        return found

    def _read(self, values: pa.Array) -> tuple[pa.Array, list[int]]:
        """In the form that most values fit, and the rows of those that do not."""
        tried = []
        for form in self._candidates():
            tried.append((form, *lenient(form, values)))
            if not tried[-1][2]:
                break
        form, found, misfits = min(tried, key=lambda one: len(one[2]))
        if self._form is None or self.form is INTEGER:
            self._form = form
        return found, misfits

    def _unfit(self, text: str) -> str:
        """Of a number that is to be an integer it is its fraction that is said."""
        number = self.type == "integer" and NUMBER.parse(pa.array([text])) is not None
        return "is not whole, as an integer" if number else f"is no {self.type}"

    def _candidates(self) -> tuple[Form, ...]:
        """The form that most of the first values fit stays, but whole numbers may grow."""
        if self._form is None or self._form is INTEGER:
            return self._forms
        return (self._form,)


def lenient(form: Form, values: pa.Array) -> tuple[pa.Array, list[int]]:
    """The values that fit, null where one does not, and the rows of those.

    What a value of the form looks like rules most misfits out at once; the rest is found by
    halving, where a few misfits among many values cost little.
    """
    looks = looks_of(form)
    if not looks:
        return _halved(form, values)
    likely = pc.match_substring_regex(values, looks).fill_null(True)
    found, misfits = _halved(form, pc.if_else(likely, values, pa.scalar(None, pa.string())))
    unlikely = np.flatnonzero(~likely.to_numpy(zero_copy_only=False)).tolist()
    return found, sorted([*misfits, *unlikely])


def _halved(form: Form, values: pa.Array) -> tuple[pa.Array, list[int]]:
    found = form.parse(values)
    if found is not None:
        return found, []
    if len(values) == 1:
        return pa.nulls(1, form.kept_as), [0]
    half = len(values) // 2
    left, bad = _halved(form, values.slice(0, half))
    right, more = _halved(form, values.slice(half))
    return pa.concat_arrays([left, right]), [*bad, *(half + row for row in more)]


class Typed:
    """A column of a file that knows its types. Its values need no reading."""

    given = False

    def __init__(self, name: str, type_: pa.DataType) -> None:
        self.name = name
        self.warnings: list[str] = []
        ours = next((ours for is_it, ours in OWN_TYPES if is_it(type_)), "text")
        self.form = Form("as it is", ours, lambda values: values, (), type_)


class Columns:
    """All columns of a table, in the order in which they were first seen."""

    def __init__(self, read: Reading, types: Mapping[str, str]) -> None:
        self.all: list[Guess | Given | Typed] = []
        self._read = read
        self._types = types
        self._tokens: dict[tuple[str, ...], pa.Array] = {}

    def forms(self) -> list[str]:
        """What was written under other forms than these must be written anew."""
        return [column.form.name for column in self.all]

    def schema(self) -> pa.Schema:
        return pa.schema([pa.field(one.name, one.form.kept_as) for one in self.all])

    def take(self, block: Block, names: list[str], problems: Problems) -> pa.RecordBatch:
        """The block in the types that the columns have with it."""
        for place in range(len(self.all), len(names)):
            self.all.append(self._begin(names[place], block.columns[place].type))
            if block.notes and block.notes[place]:
                self.all[-1].warnings.append(block.notes[place])
        rows = len(block.lines)
        arrays = []
        for place, column in enumerate(self.all):
            if place >= len(block.columns):
                arrays.append(pa.nulls(rows, column.form.kept_as))
                continue
            values = self._blank(column, block.columns[place], block.spaced)
            if isinstance(column, Typed):
                arrays.append(values)
            elif isinstance(column, Given):
                arrays.append(column.take(as_text(values), block.lines, problems))
            else:
                arrays.append(column.take(values, block.may[place] if block.may else None))
            arrays[-1] = self._short(column.name, arrays[-1], block.lines, problems)
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema())

    def close(self) -> None:
        for column in self.all:
            if isinstance(column, Guess):
                column.close()

    def _begin(self, name: str, type_: pa.DataType) -> Guess | Given | Typed:
        if name in self._types:
            return Given(name, self._types[name])
        return Guess(name) if pa.types.is_string(type_) else Typed(name, type_)

    def _blank(self, column: Guess | Given | Typed, values: pa.Array, spaced: bool) -> pa.Array:
        """Null where the text means "missing"."""
        if not pa.types.is_string(values.type):
            return values
        tokens = self._read.tokens(column.name)
        if tokens not in self._tokens:
            self._tokens[tokens] = pa.array(tokens, pa.string())
        looked = pc.utf8_trim_whitespace(values) if spaced else values
        missing = pc.is_in(looked, value_set=self._tokens[tokens], skip_nulls=True)
        if not pc.any(missing, min_count=0).as_py():
            return values
        return pc.if_else(missing, pa.scalar(None, pa.string()), values)

    def _short(self, name: str, values: pa.Array, lines: Lines, problems: Problems) -> pa.Array:
        """Missing where a text is longer than whoever shows or reads rows could hold."""
        if not pa.types.is_string(values.type) or values.nbytes <= LONGEST:
            return values
        long = pc.greater(pc.binary_length(values), LONGEST).fill_null(False)
        rows = np.flatnonzero(long.to_numpy(zero_copy_only=False))
        told = rows[: problems.room(name)]
        for row in told:
            said = f"The text in {name} has more than {LONGEST >> 20} MB. It is missing here."
            problems.value(int(lines[row]), name, said)
        problems.more_values(name, len(rows) - len(told))
        return pc.if_else(long, pa.scalar(None, pa.string()), values)


def as_text(values: pa.Array) -> pa.Array:
    """Values as a person would write them: 1 where a number is whole, not 1.0."""
    if pa.types.is_string(values.type):
        return values
    return values.cast(pa.string())
