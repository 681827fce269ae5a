"""What stands in the columns of a table that is written: gaps, and how many values differ."""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from recipes.data.table import kind_of
from recipes.uploads import COUNTED

BYTES = 64 << 20  # of the values that are counted, all columns together


@dataclass
class _Column:
    """`known` are the values so far; None once there are too many to count."""

    type: pa.DataType
    known: pa.Array | None
    missing: int = 0


class Columns:
    """The columns of all blocks that it takes."""

    def __init__(self) -> None:
        self._columns: dict[str, _Column] = {}

    def take(self, block: pa.Table) -> None:
        most = BYTES // max(1, block.num_columns)
        for name, values in zip(block.column_names, block.columns, strict=True):
            column = self._columns.get(name)
            if column is None:
                column = _Column(values.type, pa.array([], values.type))
                self._columns[name] = column
            column.missing += values.null_count
            if column.known is not None:
                column.known = _more(column.known, values, most)

    def told(self) -> list[dict[str, Any]]:
        """A record a column; `distinct` is null where there are too many to count."""
        return [
            {
                "name": name,
                "type": kind_of(one.type),
                "missing": one.missing,
                "distinct": None if one.known is None else len(one.known),
            }
            for name, one in self._columns.items()
        ]


def _more(known: pa.Array, values: pa.ChunkedArray, most: int) -> pa.Array | None:
    """`known` and what is new in `values`; None where that is too much."""
    here = pc.unique(values).drop_null()
    new = here.filter(pc.invert(pc.is_in(here, value_set=known)))
    if len(known) + len(new) > COUNTED or known.nbytes + new.nbytes > most:
        return None
    return pa.concat_arrays([known, new]) if len(new) else known
