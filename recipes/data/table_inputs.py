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

    `columns` are the model's: a file's are read as the types that it learned from. Nobody vouches
    for a folder that is named by hand: its table goes through the sandbox as any file does, and
    keeps its types.
    """
    types = {one["name"]: one["type"] for one in columns}
    if (given / FILE).is_file():
        given, types = given / FILE, {}
    if not given.is_file():
        raise BadData(f"There is no table at {given}: name a file, or a dataset's folder.")
    with tempfile.TemporaryDirectory() as told:
        facts = take_in(given, given.name, draft, Journal(Path(told)), {"types": types})
    return draft, int(facts["problems"])
