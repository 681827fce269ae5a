"""The child's part of a table's import: file in, table.parquet out, in one pass or two.

It tells {"format"}, {"done", "rows"} now and then, and at the end {"facts"}, each {"column"} and
each {"problem"}.

The first pass writes what the values so far look like. When later ones look otherwise, it only
looks on, and the second pass writes what all of them are.
"""

import dataclasses
import errno
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from recipes.data.sandbox import BadInput, Tell
from recipes.data.tables.columns import Columns
from recipes.data.tables.formats import Found, open_source
from recipes.data.tables.problems import Problems
from recipes.data.tables.profile import describe
from recipes.data.tables.reading import Reading, Source
from recipes.data.tables.writing import Writer
from recipes.uploads import EVERYWHERE

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
FILE = "table.parquet"


def convert(
    path: Path, found: Found, read: Reading, types: Mapping[str, str], output: Path, tell: Tell
) -> None:
    """Raises BadInput where there is no table in the file."""
    pa.set_memory_pool(pa.system_memory_pool())  # the others reserve more than they use
    if found.format == "parquet":  # which has nulls of its own; texts are what they say
        read = dataclasses.replace(read, missing={EVERYWHERE: (), **read.missing})
    try:
        source = open_source(path, found, read, tell)
        rows, columns, problems = _settle(source, Columns(read, types), output / FILE, tell)
        _check(source, rows, columns, problems, _asked(types, read))
        for told in describe(output / FILE, columns.all, tell):
            tell({"column": told})
    except OSError as error:
        if error.errno in FULL:
            raise BadInput("The disk is full: nothing was imported.") from None
        raise
    for problem in problems.all():
        tell({"problem": problem})
    tell({"facts": {"format": source.format, "rows": rows, "left_out": problems.left_out,
                    **source.told}})  # fmt: skip


def _settle(
    source: Source, columns: Columns, path: Path, tell: Tell
) -> tuple[int, Columns, Problems]:
    """Two passes at most: in the second the columns know all values."""
    for _ in range(2):
        problems = Problems(source.unit)
        rows = _pass(source, columns, problems, path, tell)
        if rows is not None:
            return rows, columns, problems
    raise RuntimeError("The types of the columns changed although all values were seen.")


def _pass(
    source: Source, columns: Columns, problems: Problems, path: Path, tell: Tell
) -> int | None:
    """The number of rows that are written, or None where a type changed on the way."""
    with Writer(path) as writer:
        writing, before = True, None
        for block in source.blocks(problems):
            batch = columns.take(block, source.names, problems)
            forms = columns.forms()
            writing = writing and before in (None, forms)
            before = forms
            if writing:
                writer.add(batch)
            tell({"done": block.done, "rows": writer.rows})
        columns.close()
        if not writing or before not in (None, columns.forms()):
            return None
        writer.close(columns.schema())
        return writer.rows


def _check(
    source: Source, rows: int, columns: Columns, problems: Problems, asked: Mapping[str, str]
) -> None:
    if not source.names:
        raise BadInput("The table has no columns.")
    if not rows and problems.left_out:
        first = next(one for one in problems.kept if one["where"].startswith(source.unit))
        raise BadInput(
            f"No row can be used: {problems.left_out:,} do not fit the {len(columns.all)} columns. "
            f"The first, {first['where']}: {first['what']} Are delimiter and header right?"
        )
    if not rows and source.told["header"] is None:
        raise BadInput("The table has columns and no rows.")
    if not rows:
        raise BadInput("The table has only a header and no rows. If its first line is data, say "
                       "that there is no header.")  # fmt: skip
    if rows == 1:
        problems.add("the table", "It has a single row: nothing can be learned from it.")
    unknown = sorted(set(asked) - {column.name for column in columns.all})
    for name in unknown[:20]:
        problems.add(f"column {name}", f"There is no such column to {asked[name]}.")


def _asked(types: Mapping[str, str], read: Reading) -> dict[str, str]:
    """What a person said of single columns, by the column."""
    lists = {name: "have missing texts of its own" for name in read.missing if name != EVERYWHERE}
    return {**lists, **{name: f"be {type_}" for name, type_ in types.items()}}
