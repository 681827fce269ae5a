"""What scoring of tables may be pointed at: a dataset, or a file that an import would take."""

import tempfile
from pathlib import Path
from typing import Any

from recipes.data.listing import BadData
from recipes.data.table import FILE
from recipes.data.tables.take_in import take_in
from recipes.events import Journal


def as_table(given: Path, draft: Path, columns: list[dict[str, Any]]) -> tuple[Path, int]:
    """A table dataset with what `given` holds, and how many values or rows had a problem.

    `columns` are the model's: a file's are read as the types that it learned from.
    """
    if (given / FILE).is_file():
        return given, 0
    if not given.is_file():
        raise BadData(f"There is no table at {given}: name a file, or a dataset's folder.")
    types = {one["name"]: one["type"] for one in columns}
    with tempfile.TemporaryDirectory() as told:
        facts = take_in(given, given.name, draft, Journal(Path(told)), {"types": types})
    return draft, int(facts["problems"])
