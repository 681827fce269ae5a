"""A table's Parquet as CSV, a block at a time."""

from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from recipes.engine.tabular.model import BLOCK
from recipes.engine.tabular.written import Csv


def as_csv(table: Path, out: Path) -> None:
    """As a job writes one: a text that a spreadsheet would take for a formula is made harmless."""
    file = pq.ParquetFile(table)
    with closing(Csv(out, file.schema_arrow)) as written:
        for batch in file.iter_batches(batch_size=BLOCK):
            written.write(pa.Table.from_batches([batch]))
