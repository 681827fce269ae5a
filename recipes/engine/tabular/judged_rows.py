"""The judged rows of an evaluation as a table: what was read, what was predicted, how it went."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from recipes.data import table as source
from recipes.engine.metrics import Floats
from recipes.engine.tabular.counted import Columns
from recipes.engine.tabular.described import describe
from recipes.engine.tabular.figures import chosen

Json = dict[str, Any]


class JudgedRows:
    """Writes `output/table.parquet` block by block, where it is wanted; `read` is the table that
    the rows are of, None for pictures."""

    def __init__(self, folder: Path, *, wanted: bool, read: Path | None = None) -> None:
        self.wanted = wanted
        self._read = read
        self._rows = 0
        self._columns = Columns()
        self._output, self._draft = folder / "output", folder / ".output"
        self._writer: pq.ParquetWriter | None = None
        for old in (self._output, self._draft):
            shutil.rmtree(old, ignore_errors=True)

    def add(self, rows: pa.Table, given: Floats, true: Floats, about: Json) -> None:
        if not self.wanted:
            return
        for name, values in outcomes(given, true, about).items():
            rows = rows.append_column(_free(name, rows.column_names), values)
        if self._writer is None:
            self._draft.mkdir()
            place = self._draft / source.FILE
            self._writer = pq.ParquetWriter(place, rows.schema, compression="zstd")
        self._writer.write_table(rows)
        self._rows += len(rows)
        self._columns.take(rows)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            describe(self._draft, self._read)
            self._draft.rename(self._output)

    def told(self) -> Json:
        """What `finished` says of the rows; nothing where none were written."""
        if not self._rows:
            return {}
        return {
            "rows": self._rows,
            "file": f"output/{source.FILE}",
            "columns": self._columns.told(),
        }


def outcomes(given: Floats, true: Floats, about: Json) -> dict[str, pa.Array]:
    """The columns that an evaluation adds, by name."""
    classes = about["classes"]
    if not classes:
        return {"prediction": pa.array(given), "error": pa.array(given - true)}
    best = chosen(given, about.get("threshold"))
    made = {"prediction": pa.array(classes, pa.string()).take(pa.array(best))}
    made |= {f"proba_{name}": pa.array(given[:, place]) for place, name in enumerate(classes)}
    return {**made, "correct": pa.array(np.asarray(best) == true.astype(np.int64))}


def _free(name: str, taken: list[str]) -> str:
    """The input's own columns keep their names."""
    while name in taken:
        name += "_"
    return name
