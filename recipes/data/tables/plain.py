"""Numbers as a form reads them, of a column whose type its owner named: 007 is then 7, 13.0 is 13.

Where nobody has named the type such texts decide it: 007 may be a code. All by Arrow, a block at
a time: a column of codes has millions of them.
"""

import pyarrow as pa
import pyarrow.compute as pc

LARGEST = 10**38  # decimal128 has so many digits


def plain(values: pa.Array, type_: str) -> pa.Array:
    """The texts without spaces around them; of numbers without zeros that say nothing."""
    bare = pc.utf8_trim_whitespace(values)
    if type_ not in ("integer", "number"):
        return bare
    bare = pc.replace_substring_regex(bare, r"^([+-]?)0+([0-9])", r"\1\2")
    if type_ == "number":
        return bare
    bare = pc.replace_substring_regex(bare, r"^([+-]?[0-9]+)\.0*$", r"\1")
    return _without_powers(bare)


def _without_powers(values: pa.Array) -> pa.Array:
    """1e+06 as 1000000, where it is whole: Arrow writes large numbers like that."""
    powers = pc.match_substring_regex(values, r"^[+-]?[0-9]+(\.[0-9]+)?[eE]\+?[0-9]{1,2}$")
    if not pc.any(powers, min_count=0).as_py():
        return values
    numbers = values.filter(powers).cast(pa.float64()).to_pylist()
    written = [
        str(int(one)) if one.is_integer() and abs(one) < LARGEST else repr(one) for one in numbers
    ]
    return pc.replace_with_mask(values, powers.fill_null(False), pa.array(written, pa.string()))
