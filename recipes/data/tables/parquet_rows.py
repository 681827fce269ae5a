"""Reads a Parquet file. It knows its types; here they become those that a table of ours has."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from recipes.data.sandbox import BadInput
from recipes.data.tables import names
from recipes.data.tables.forms import EXACT, INSTANT
from recipes.data.tables.problems import Problems
from recipes.data.tables.reading import BLOCK, Block

ROWS = 65_536
BUFFERS = 64 << 20  # bytes that all columns together may read ahead
WIDE = 100  # bytes that a value may take, where the file does not tell
INT64_DIGITS = 18
MAY = b"trackside.may"  # of a field: the types that its texts may turn out to be

Convert = Callable[[pa.Array], pa.Array]


@dataclass(frozen=True)
class Way:
    """How the values of a column become ours, and what should be said about it.

    `note`: nothing is wrong with it.
    """

    convert: Convert
    said: str = ""
    note: str = ""


class ParquetRows:
    format = "parquet"
    unit = "row"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._size = path.stat().st_size
        self.names: list[str] = []
        self.told: dict[str, Any] = {"encoding": None, "delimiter": None, "header": None}

    def blocks(self, problems: Problems) -> Iterator[Block]:
        try:
            yield from self._blocks(problems)
        except (pa.ArrowException, OSError, ValueError) as torn:
            said = str(torn).strip().splitlines()[0][:200] if str(torn).strip() else "no reason"
            raise BadInput(f"The Parquet file is damaged ({said}). Write it again.") from None

    def _blocks(self, problems: Problems) -> Iterator[Block]:
        columns = pq.ParquetFile(self._path, pre_buffer=False).metadata.num_columns
        ahead = max(4096, min(1 << 20, BUFFERS // max(columns, 1)))
        with pq.ParquetFile(self._path, pre_buffer=False, buffer_size=ahead) as file:
            schema = file.schema_arrow
            self.names = names.settled(list(schema.names), problems)
            ways = [way(field.type) for field in schema]
            for name, one in zip(self.names, ways, strict=True):
                if one.said:
                    problems.add(f"column {name}", one.said)
            may = [_may(field) for field in schema]
            all_rows, first = file.metadata.num_rows, 1
            size = max(1, min(ROWS, BLOCK // max(1, len(ways) * 8)))
            for batch in file.iter_batches(batch_size=size, use_threads=False):
                yield Block(
                    columns=[
                        one.convert(values) for one, values in zip(ways, batch.columns, strict=True)
                    ],
                    lines=np.arange(first, first + batch.num_rows, dtype=np.int64),
                    done=self._size * (first + batch.num_rows) // max(all_rows + 1, 1),
                    may=may,
                    notes=[one.note for one in ways],
                )
                first += batch.num_rows


def _may(field: pa.Field) -> frozenset[str] | None:
    """None: whatever they look like."""
    told = (field.metadata or {}).get(MAY)
    return None if told is None else frozenset(told.decode("utf-8", "replace").split(","))


def way(type_: pa.DataType) -> Way:
    """How values of an Arrow type become text, integer, number, boolean, date or datetime."""
    for is_it, made in WAYS:
        if is_it(type_):
            found: Way = made(type_) if callable(made) else made
            return found
    return Way(_as_json, "It holds lists or records, which are kept as JSON text.")


def _to(target: pa.DataType) -> Convert:
    return lambda values: values.cast(target)


def _numbers(values: pa.Array) -> pa.Array:
    """No number is a missing value here: pandas writes it for one."""
    found = values.cast(pa.float64())
    return pc.if_else(pc.is_nan(found), pa.scalar(None, pa.float64()), found)


def _decimal(type_: pa.DataType) -> Way:
    if type_.scale > 0 or type_.precision > EXACT.precision:
        return Way(_numbers)
    return Way(_to(EXACT if type_.precision > INT64_DIGITS else pa.int64()))


def _timestamp(type_: pa.DataType) -> Way:
    if type_.tz is None:
        return Way(lambda values: values.cast(INSTANT, safe=False))
    note = f"Its times are of the zone {type_.tz}, and are here those of UTC."
    zoned = pa.timestamp("us", "UTC")
    return Way(lambda values: values.cast(zoned, safe=False).cast(INSTANT), note=note)


def _dictionary(type_: pa.DataType) -> Way:
    inner = way(type_.value_type)
    return Way(lambda values: inner.convert(values.dictionary_decode()), inner.said, inner.note)


def _texts(values: pa.Array) -> pa.Array:
    """The file only claims that they are UTF-8."""
    found = values.cast(pa.string())
    try:
        found.validate(full=True)
    except pa.ArrowInvalid:
        return _binary(found.cast(pa.binary()))
    return found


def _binary(values: pa.Array) -> pa.Array:
    texts = [None if one is None else one.decode("utf-8", "replace") for one in values.to_pylist()]
    return pa.array(texts, pa.string())


def _as_json(values: pa.Array) -> pa.Array:
    texts = [
        None if one is None else json.dumps(one, default=str, ensure_ascii=False)
        for one in values.to_pylist()
    ]
    return pa.array(texts, pa.string())


def _is_text(type_: pa.DataType) -> bool:
    kinds = (
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_null,
        pa.types.is_string_view,
    )
    return any(kind(type_) for kind in kinds)


def _is_bytes(type_: pa.DataType) -> bool:
    kinds = (
        *(pa.types.is_binary, pa.types.is_large_binary),
        *(pa.types.is_fixed_size_binary, pa.types.is_binary_view),
    )
    return any(kind(type_) for kind in kinds)


WAYS: tuple[tuple[Callable[[pa.DataType], bool], Any], ...] = (
    (_is_text, Way(_texts)),
    (pa.types.is_boolean, Way(lambda values: values)),
    (pa.types.is_uint64, Way(_to(EXACT))),
    (pa.types.is_integer, Way(_to(pa.int64()))),
    (pa.types.is_floating, Way(_numbers)),
    (pa.types.is_decimal, _decimal),
    (pa.types.is_date, Way(_to(pa.date32()))),
    (pa.types.is_timestamp, _timestamp),
    (pa.types.is_time, Way(_to(pa.string()))),
    (pa.types.is_duration, Way(lambda values: values.cast(pa.int64()).cast(pa.string()))),
    (pa.types.is_dictionary, _dictionary),
    (_is_bytes, Way(_binary)),
)
