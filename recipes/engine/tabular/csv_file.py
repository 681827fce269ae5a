"""A table's Parquet as CSV, a block at a time."""

from pathlib import Path

import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq

from recipes.engine.tabular.model import BLOCK


def as_csv(table: Path, out: Path) -> None:
    file = pq.ParquetFile(table)
    with csv.CSVWriter(out, file.schema_arrow) as writer:
        for batch in file.iter_batches(batch_size=BLOCK):
            writer.write_table(pa.Table.from_batches([batch]))
