"""Writes the table: Parquet in row groups, so that windows and single columns are read quickly."""

from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

GROUP = 65_536  # rows
HELD = 64 << 20  # bytes in a row group of a wide table


class Writer:
    """Writes to `path`, which is whole after `close`."""

    def __init__(self, path: Path) -> None:
        self.rows = 0
        self._path = path
        self._file: pq.ParquetWriter | None = None
        self._waiting: list[pa.RecordBatch] = []
        self._held = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._file:
            self._file.close()

    def add(self, batch: pa.RecordBatch) -> None:
        """The batches have one schema."""
        while batch.num_rows:
            now = batch.slice(0, GROUP - sum(one.num_rows for one in self._waiting))
            self._waiting.append(now)
            self._held += now.nbytes
            batch = batch.slice(now.num_rows)
            if sum(one.num_rows for one in self._waiting) == GROUP or self._held > HELD:
                self._flush()

    def close(self, schema: pa.Schema) -> None:
        """Also a table without rows has a file."""
        if self._waiting or self._file is None:
            self._flush(schema)
        if self._file is not None:
            self._file.close()
            self._file = None

    def _flush(self, schema: pa.Schema | None = None) -> None:
        schema = self._waiting[0].schema if self._waiting else schema
        table = pa.Table.from_batches(self._waiting, schema)
        if self._file is None:
            self._file = pq.ParquetWriter(self._path, schema, compression="zstd")
        self._file.write_table(table, row_group_size=GROUP)
        self.rows += table.num_rows
        self._waiting, self._held = [], 0
