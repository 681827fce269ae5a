"""Dates as people write them: 23/03/2019, 3/23/2019 4:05 PM, 23.3.2019, 2019/03/23.

Which number is the day is never guessed: each order is a form of its own, and where more than one
takes all values of a column, the column stays text until a person says which.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

# name: the pattern of the day, and which parts are year, month and day
ORDERS = {
    "d/m/y": (r"(?P<a>\d{1,2})/(?P<b>\d{1,2})/(?P<c>\d{4})", "cba"),
    "m/d/y": (r"(?P<a>\d{1,2})/(?P<b>\d{1,2})/(?P<c>\d{4})", "cab"),
    "d-m-y": (r"(?P<a>\d{1,2})-(?P<b>\d{1,2})-(?P<c>\d{4})", "cba"),
    "m-d-y": (r"(?P<a>\d{1,2})-(?P<b>\d{1,2})-(?P<c>\d{4})", "cab"),
    "d.m.y": (r"(?P<a>\d{1,2})\.(?P<b>\d{1,2})\.(?P<c>\d{4})", "cba"),
    "y/m/d": (r"(?P<a>\d{4})/(?P<b>\d{1,2})/(?P<c>\d{1,2})", "abc"),
}
TIME = r"(?:[ T]+(?P<h>\d{1,2}):(?P<m>\d{2})(?::(?P<s>\d{2}))?(?: ?(?P<p>[AaPp][Mm]))?)?"
SAME_LOOKS = (("d/m/y", "m/d/y"), ("d-m-y", "m-d-y"))  # orders that the same text may have

Numbers = npt.NDArray[np.int64]


def written(order: str, *, timed: bool) -> Callable[[pa.Array], pa.Array | None]:
    """The parser of one order, of days alone or with a time of day."""
    day, roles = ORDERS[order]
    pattern = f"^{day}{TIME if timed else ''}$"

    def parse(values: pa.Array) -> pa.Array | None:
        there = values.drop_null()
        if not len(there):
            return pa.nulls(len(values), pa.timestamp("us") if timed else pa.date32())
        if not pc.match_substring_regex(there.slice(0, 1), pattern)[0].as_py():
            return None
        parts = pc.extract_regex(there, pattern)
        if parts.null_count:
            return None
        days = _days(*(_whole(parts.field(role)) for role in roles))
        if days is None:
            return None
        found: Any = days
        if timed:
            seconds = _seconds(parts)
            if seconds is None:
                return None
            found = days.astype("datetime64[us]") + (seconds * 1_000_000).astype("timedelta64[us]")
        return _placed(found, values, timed)

    return parse


def _days(year: Numbers, month: Numbers, day: Numbers) -> Any:
    """As numpy's days, or None where there is no such day."""
    if (month < 1).any() or (month > 12).any() or (day < 1).any() or (year < 1).any():
        return None
    months = (year - 1970).astype("datetime64[Y]").astype("datetime64[M]") + (month - 1)
    days = months.astype("datetime64[D]") + (day - 1)
    return days if (days.astype("datetime64[M]") == months).all() else None


def _seconds(parts: pa.Array) -> Numbers | None:
    hour, minute, second = (_whole(parts.field(role)) for role in "hms")
    half = np.array(pc.utf8_lower(parts.field("p")).to_pylist())
    twelve = (half == "am") | (half == "pm")
    if (hour > 23).any() or (minute > 59).any() or (second > 59).any():
        return None
    if (twelve & ((hour < 1) | (hour > 12))).any():
        return None
    hour = np.where(twelve, hour % 12, hour) + np.where(half == "pm", 12, 0)
    found: Numbers = hour * 3600 + minute * 60 + second
    return found


def _whole(texts: pa.Array) -> Numbers:
    """A part that is not there is 0."""
    there = pc.if_else(pc.equal(texts, ""), "0", texts).fill_null("0")
    found: Numbers = there.cast(pa.int64()).to_numpy()
    return found


def _placed(found: Any, values: pa.Array, timed: bool) -> pa.Array:
    """With the nulls of `values` where they were."""
    dense = pa.array(found, pa.timestamp("us") if timed else pa.date32())
    if not values.null_count:
        return dense
    places = np.cumsum(values.is_valid().to_numpy(zero_copy_only=False)) - 1
    return dense.take(pa.array(np.maximum(places, 0), mask=values.is_null().to_numpy(False)))
