"""What stands in a table that a job wrote: the files that an import leaves beside one, too."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from recipes.data import table as source
from recipes.data.tables import profile
from recipes.data.tables.columns import Typed


def describe(folder: Path, read: Path | None) -> None:
    """Write `columns.json` and `facts.json` beside the table in `folder`.

    `read` is the table that it was made of: where it has as many rows, they are the same, and what
    its profile says of its columns holds here too. Only what is new is looked at then.
    """
    place = folder / source.FILE
    with pq.ParquetFile(place) as file:
        schema, rows = file.schema_arrow, file.metadata.num_rows
    before = set(source.opened(read).schema_arrow.names) if read else set()
    known = _known(read, rows) if read else {}
    new = [Typed(one.name, one.type) for one in schema if one.name not in known]
    told = known | {one["name"]: one for one in profile.describe(place, new, lambda _: None)}
    columns = [told[name] for name in schema.names]
    facts = {
        "layout": "table",
        "format": "parquet",
        "rows": rows,
        "columns": len(columns),
        "made": [name for name in schema.names if read and name not in before],
    }
    (folder / "columns.json").write_text(json.dumps(columns, ensure_ascii=False, indent=1))
    (folder / "facts.json").write_text(json.dumps(facts, ensure_ascii=False, indent=1))


def _known(read: Path, rows: int) -> dict[str, dict[str, Any]]:
    """The entries of the columns by name; {} where it has other rows, or no profile."""
    if source.opened(read).metadata.num_rows != rows or not (read / "columns.json").is_file():
        return {}
    return {one["name"]: one for one in source.profile(read)}
