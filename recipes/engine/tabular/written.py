"""Where the rows of a scoring go: a dataset's Parquet, or a file to download."""

from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.parquet as pq

from recipes.data.table import FILE
from recipes.engine.tabular.model import BLOCK

FORMULA = "^[=+\\-@\t\r\n\\x00\uff1d\uff0b\uff0d\uff20]"  # and their full-width twins
NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
FILES = {  # a table of a database gets its rows from a file too, when all are there
    "dataset": FILE,
    "parquet": "scored.parquet",
    "csv": "scored.csv",
    "sql": "scored.parquet",
}


class Out(Protocol):
    """Takes tables of one schema, block by block."""

    def write(self, table: pa.Table) -> None: ...
    def close(self) -> None: ...


class _Parquet:
    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._writer: Any = pq.ParquetWriter(path, schema, compression="zstd")

    def write(self, table: pa.Table) -> None:
        self._writer.write_table(table, row_group_size=BLOCK)

    def close(self) -> None:
        self._writer.close()


class Csv:
    """Read in a spreadsheet: a text that begins as a formula gets a ' before it."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        names = _harmless(pa.chunked_array([pa.array(schema.names, pa.string())])).to_pylist()
        self._schema = pa.schema(
            [one.with_name(name) for one, name in zip(schema, names, strict=True)]
        )
        self._writer: Any = csv.CSVWriter(path, self._schema)

    def write(self, table: pa.Table) -> None:
        columns = [_harmless(one) if pa.types.is_string(one.type) else one for one in table.columns]
        self._writer.write_table(pa.table(columns, schema=self._schema))

    def close(self) -> None:
        self._writer.close()


def opened(folder: Path, output: str, schema: pa.Schema) -> Out:
    """`output` is a key of FILES."""
    path = folder / FILES[output]
    return Csv(path, schema) if output == "csv" else _Parquet(path, schema)


def _harmless(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    formula = pc.and_(
        pc.match_substring_regex(texts, FORMULA),
        pc.invert(pc.match_substring_regex(texts, NUMBER)),
    )
    if not pc.any(formula).as_py():
        return texts
    quoted = pc.binary_join_element_wise(pa.scalar("'"), texts, pa.scalar(""))
    return pc.if_else(formula, quoted, texts)
