"""The forms that a value can have as text: what is a number, a date, a yes or no.

A form's `parse` takes an array of strings, nulls in it, and gives an array of its Arrow type, or
None where a value does not fit. Arrow's own casts do the work; what they would take too kindly
(00123 and 0x10 as numbers, 1 as true) is refused here.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from recipes.data.tables.written_dates import ORDERS, SAME_LOOKS, written

EXACT = pa.decimal128(38, 0)
INSTANT = pa.timestamp("us")
ARROW = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "datetime": INSTANT,
}
Bytes = npt.NDArray[np.uint8]
Parse = Callable[[pa.Array], pa.Array | None]


@dataclass(frozen=True)
class Form:
    """`wider` are the forms that take whatever this one takes."""

    name: str
    type: str
    parse: Parse
    wider: tuple[str, ...] = ()
    arrow: pa.DataType | None = None

    @property
    def family(self) -> str:
        """No value has forms of two families."""
        return {"integer": "number", "datetime": "date"}.get(self.type, self.type)

    @property
    def kept_as(self) -> pa.DataType:
        return self.arrow or ARROW[self.type]


def _cast(values: pa.Array, to: pa.DataType) -> pa.Array | None:
    try:
        return values.cast(to)
    except pa.ArrowInvalid:
        return None


def _bare(parse: Parse) -> Parse:
    """Tries again without spaces around the values, where there are any."""

    def tried(values: pa.Array) -> pa.Array | None:
        found = parse(values)
        if found is None:
            bare = pc.utf8_trim_whitespace(values)
            found = None if bare.equals(values) else parse(bare)
        return found

    return tried


def zero_led(values: pa.Array) -> bool:
    """Whether a value is written like 007 or 0x1f: no number, however much it looks like one."""
    text, offsets = _buffers(values)
    starts = offsets[:-1].astype(np.int64)
    ends = offsets[1:]
    if not len(text) or not len(starts):
        return False
    at = np.minimum(starts, len(text) - 1)
    signed = (text[at] == 45) | (text[at] == 43)
    at = np.minimum(at + signed, len(text) - 1)
    after = np.minimum(at + 1, len(text) - 1)
    follows = text[after]
    led = (text[at] == 48) & (at + 1 < ends) & (follows != 46) & (follows | 32 != 101)
    return bool((led & values.is_valid().to_numpy(zero_copy_only=False)).any())


def _buffers(values: pa.Array) -> tuple[Bytes, npt.NDArray[np.int32]]:
    _, offsets, text = values.buffers()
    if offsets is None or text is None or not text.size:
        return np.empty(0, np.uint8), np.zeros(len(values) + 1, np.int32)
    bounds = np.frombuffer(offsets, np.int32)[values.offset : values.offset + len(values) + 1]
    return np.frombuffer(text, np.uint8), bounds


def _integers(values: pa.Array) -> pa.Array | None:
    found = _cast(values, pa.int64())
    if found is None:  # Arrow's whole numbers take no plus sign
        bare = pc.replace_substring_regex(values, r"^\+([0-9])", r"\1")
        found = None if bare.equals(values) else _cast(bare, pa.int64())
    return None if found is None or zero_led(values) else found


def _big_integers(values: pa.Array) -> pa.Array | None:
    digits = pc.match_substring_regex(values, r"^[+-]?[0-9]{1,38}$")
    if not pc.all(digits, min_count=0).as_py() or zero_led(values):
        return None
    return _cast(values, EXACT)


def _numbers(values: pa.Array) -> pa.Array | None:
    found = _cast(values, pa.float64())
    if found is None or zero_led(values):
        return None
    none = pc.is_nan(found)
    return pc.if_else(none, None, found) if pc.any(none, min_count=0).as_py() else found


def _with_comma(values: pa.Array) -> pa.Array | None:
    """1234,5 and 1.234,50: the comma before the decimals, points between thousands."""
    pattern = r"^[+-]?([0-9]+|[0-9]{1,3}(\.[0-9]{3})+)(,[0-9]+)?$"
    if not pc.all(pc.match_substring_regex(values, pattern), min_count=0).as_py():
        return None
    return _numbers(pc.replace_substring(pc.replace_substring(values, ".", ""), ",", "."))


def _grouped(values: pa.Array) -> pa.Array | None:
    """1,234.5: commas between thousands."""
    commas = values.filter(pc.match_substring(values, ","))
    pattern = r"^[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?$"
    if not pc.all(pc.match_substring_regex(commas, pattern), min_count=0).as_py():
        return None
    return _numbers(pc.replace_substring(values, ",", "") if len(commas) else values)


def _dates(values: pa.Array) -> pa.Array | None:
    return _cast(values, pa.date32())


def _instants(values: pa.Array) -> pa.Array | None:
    found = _cast(values, INSTANT)
    if found is None and (fine := _cast(values, pa.timestamp("ns"))) is not None:
        found = fine.cast(INSTANT, safe=False)
    return found


def _zoned(values: pa.Array) -> pa.Array | None:
    found = _cast(values, pa.timestamp("us", tz="UTC"))
    return None if found is None else found.cast(INSTANT)


def _words(yes: str, no: str) -> Parse:
    def parse(values: pa.Array) -> pa.Array | None:
        lower = pc.utf8_lower(values)
        known = pc.is_in(lower, value_set=pa.array([yes, no]), skip_nulls=True)
        if not pc.all(pc.or_kleene(known, values.is_null()), min_count=0).as_py():
            return None
        return pc.equal(lower, yes)

    return parse


def _any_words(values: pa.Array) -> pa.Array | None:
    """What a person may call a boolean."""
    lower = pc.utf8_lower(values)
    pairs = pa.array(["true", "yes", "t", "y", "1", "1.0", "false", "no", "f", "n", "0", "0.0"])
    place = pc.index_in(lower, value_set=pairs)
    if place.null_count > values.null_count:
        return None
    return pc.less(place, 6)


def _day_of(parse: Parse) -> Parse:
    def cut(values: pa.Array) -> pa.Array | None:
        found = parse(values)
        return None if found is None else found.cast(pa.date32(), safe=False)

    return cut


DAY_OR_MONTH = (
    "It looks like dates, but day and month cannot be told apart. Write them as 2019-03-23, or set "
    "the type to date: the first number is then the day."
)
TEXT = Form("text", "text", lambda values: values)
INTEGER = Form(
    *("integer", "integer", _bare(_integers)), ("big integer", "number", "comma", "grouped")
)
BIG_INTEGER = Form(
    *("big integer", "integer", _bare(_big_integers)), ("number", "comma", "grouped"), EXACT
)
NUMBER = Form("number", "number", _bare(_numbers), ("grouped",))
WITH_COMMA = Form("comma", "number", _bare(_with_comma))
GROUPED = Form("grouped", "number", _bare(_grouped))
ISO_DATE = Form("date", "date", _bare(_dates), ("datetime",))
ISO_DATETIME = Form("datetime", "datetime", _bare(_instants))
ZONED = Form("zoned datetime", "datetime", _bare(_zoned))
TRUE_FALSE = Form("true or false", "boolean", _bare(_words("true", "false")))
YES_NO = Form("yes or no", "boolean", _bare(_words("yes", "no")))
WRITTEN_DATES = tuple(
    Form(order, "date", _bare(written(order, timed=False)), (f"{order} time",)) for order in ORDERS
)
WRITTEN_DATETIMES = tuple(
    Form(f"{order} time", "datetime", _bare(written(order, timed=True))) for order in ORDERS
)
# Forms that read the same text as different values: which is right, only its writer knows.
RIVALS = {
    **{frozenset({one, two}): DAY_OR_MONTH for one, two in SAME_LOOKS},
    frozenset({"comma", "grouped"}): (
        "It has numbers like 1,234, whose comma may stand before decimals or between thousands. "
        "Set the type to number: the comma is then that of decimals."
    ),
}
# In the order in which they are tried: the first that takes all values is the column's.
FORMS = (
    *(TRUE_FALSE, YES_NO, INTEGER, BIG_INTEGER, NUMBER),
    *(WITH_COMMA, GROUPED, ISO_DATE),
    *(*WRITTEN_DATES, ISO_DATETIME, ZONED, *WRITTEN_DATETIMES),
)
_INSTANTS = (ISO_DATETIME, ZONED, *WRITTEN_DATETIMES)
# What a person's word for a column allows.
OF_TYPE = {
    "text": (TEXT,),
    "integer": (INTEGER, BIG_INTEGER),
    "number": (NUMBER, WITH_COMMA, GROUPED),
    "boolean": (Form("boolean", "boolean", _bare(_any_words)),),
    "date": (
        *(ISO_DATE, *WRITTEN_DATES),
        *(Form(f"day of {one.name}", "date", _day_of(one.parse)) for one in _INSTANTS),
    ),
    "datetime": _INSTANTS,
}


def typed(values: list[str]) -> str:
    """The type that a few values have together, text if there is none."""
    array = pa.array(values, pa.string())
    return next((form.type for form in FORMS if form.parse(array) is not None), "text")
