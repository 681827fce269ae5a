"""A table dataset as a training meets it: its columns, its target, its weights. docs/jobs.md."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from recipes.data.listing import BadData
from recipes.engine.metrics import Floats, Ints
from recipes.tasks import classes as names
from recipes.tasks.task import MOST_CLASSES
from recipes.uploads import NUMBERS

State = dict[str, Any]
Values: TypeAlias = pa.ChunkedArray
FILE = "table.parquet"
NOTHING = "(missing)"  # the name of a missing value that is a category


@dataclass(frozen=True)
class Target:
    """The truth of the rows in `keep`: class numbers, or numbers where `classes` is empty."""

    keep: Ints
    values: Floats
    classes: list[str]
    notes: list[str]

    @property
    def labels(self) -> Ints:
        return self.values.astype(np.int64)

    @property
    def spread(self) -> Floats:
        """What target means are made of: [rows, 1], or [rows, classes] of 1 and 0."""
        return spread(self.values, len(self.classes))


def spread(values: Floats, classes: int) -> Floats:
    if classes <= 2:
        return values[:, None]
    made: Floats = np.eye(classes)[values.astype(np.int64)]
    return made


def as_text(values: Values) -> Values:
    """The values as a person writes them: also numbers and booleans can be categories."""
    return values if pa.types.is_string(values.type) else values.cast(pa.string())


def profile(folder: Path) -> list[dict[str, Any]]:
    """The entries of columns.json. Raises BadData."""
    try:
        found: list[dict[str, Any]] = json.loads((folder / "columns.json").read_text())
    except FileNotFoundError:
        raise BadData(f"{folder} is no table: it has no columns.json.") from None
    except ValueError as torn:
        raise BadData(f"{folder / 'columns.json'} is damaged: {torn}.") from None
    return found


def unchanged(dataset: Mapping[str, Any]) -> Path:
    """The folder of a spec's `dataset`. Raises BadData where it holds another table by now.

    What a recipe wrote has no fingerprint beside it: its folder is another one each time.
    """
    folder, told = Path(dataset["folder"]), folder_facts(Path(dataset["folder"]))
    meant, found = dataset.get("fingerprint"), told.get("fingerprint")
    if meant and (not folder.is_dir() or (found and found != meant)):
        name = f" {dataset['name']}" if dataset.get("name") else ""
        raise BadData(f"The dataset{name} was corrected while the job waited; start it again.")
    return folder


def folder_facts(folder: Path) -> dict[str, Any]:
    """Its facts.json; {} where there is none."""
    try:
        return dict(json.loads((folder / "facts.json").read_text()))
    except (FileNotFoundError, NotADirectoryError):
        return {}


def opened(folder: Path) -> pq.ParquetFile:
    """The table's file. Raises BadData."""
    try:
        return pq.ParquetFile(folder / FILE)
    except FileNotFoundError:
        raise BadData(f"{folder} is no table: it has no {FILE}.") from None
    except pa.ArrowInvalid as torn:
        raise BadData(f"{folder / FILE} cannot be read: {torn}.") from None


def kind_of(type_: pa.DataType) -> str:
    """A column's type as columns.json calls it; the Arrow type itself where it has no name."""
    tests = {
        "integer": lambda one: pa.types.is_integer(one) or pa.types.is_decimal(one),
        "number": pa.types.is_floating,
        "boolean": pa.types.is_boolean,
        "date": pa.types.is_date,
        "datetime": pa.types.is_timestamp,
        "text": lambda one: pa.types.is_string(one) or pa.types.is_large_string(one),
    }
    return next((name for name, test in tests.items() if test(type_)), str(type_))


def types_of(file: pq.ParquetFile) -> dict[str, str | None]:
    """The type of each column, None where all its values are missing, as far as the file tells."""
    about = file.metadata
    gaps = [0] * about.num_columns
    for group in range(about.num_row_groups):
        for place in range(about.num_columns):
            told = about.row_group(group).column(place).statistics
            gaps[place] += told.null_count if told and told.has_null_count else 0
    flat = about.num_columns == len(file.schema_arrow)
    return {
        one.name: None if flat and about.num_rows and gaps[place] == about.num_rows else kind
        for place, one in enumerate(file.schema_arrow)
        for kind in (kind_of(one.type),)
    }


def classes_of(column: Values, name: str, task: str, positive: str = "") -> Target:
    """The target of a classification; `positive` is the class that comes last of two. Raises
    BadData where it is none."""
    text = as_text(column)
    keep = np.flatnonzero(np.asarray(text.is_valid().to_numpy(), bool))
    known = [str(one) for one in pc.unique(text).to_pylist() if one is not None]
    if len(known) > MOST_CLASSES:
        raise BadData(
            f"The target {name!r} has {len(known):,} values; a classification knows "
            f"{MOST_CLASSES} classes at most. Choose regression, or another column."
        )
    classes = names.ordered(known, positive)
    if len(classes) < 2:
        what = f"only the value {classes[0]!r}" if classes else "no value"
        raise BadData(f"The target {name!r} has {what}: there is nothing to tell apart.")
    if task == "two_class" and len(classes) != 2:
        some = ", ".join(map(repr, classes[:5]))
        raise BadData(
            f"The target {name!r} has {len(classes)} values ({some} ...), not two. "
            "Choose multiclass classification."
        )
    if sentence := names.no_such(name, positive, classes):
        raise BadData(sentence)
    codes = pc.index_in(text, value_set=pa.array(classes)).fill_null(-1).to_numpy()
    return Target(keep, codes[keep].astype(np.float64), classes, _missing(column, keep, name))


def numbers_of(column: Values, name: str) -> Target:
    """The target of a regression. Raises BadData where it is none."""
    kind = kind_of(column.type)
    if kind not in NUMBERS:
        raise BadData(
            f"The target {name!r} is of the type {kind}: a regression predicts numbers. "
            "Correct the column's type in the dataset, or choose classification."
        )
    values = column.cast(pa.float64(), safe=False).to_numpy()
    keep = np.flatnonzero(np.isfinite(values))
    notes = _missing(column, keep, name, int(np.isinf(values).sum()))
    there = values[keep].astype(np.float64)
    if len(np.unique(there)) < 2:
        what = f"only the value {there[0]:g}" if len(there) else "no value"
        raise BadData(f"The target {name!r} has {what}: there is nothing to predict.")
    return Target(keep, there, [], notes)


def weights_of(column: Values, name: str, numbers: Ints) -> Floats:
    """The weight of each row; `numbers` are their places in the table. Raises BadData."""
    kind = kind_of(column.type)
    if kind not in NUMBERS:
        raise BadData(
            f"The weight {name!r} is of the type {kind}: a weight is a number. Correct the "
            "column's type in the dataset, or choose another column."
        )
    weights: Floats = column.cast(pa.float64(), safe=False).to_numpy().astype(np.float64)
    wrong = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if len(wrong):
        first = weights[wrong[0]]
        what = "missing" if np.isnan(first) else f"{first:g}"
        some = "1 row is" if len(wrong) == 1 else f"{len(wrong):,} rows are"
        raise BadData(
            f"The weight {name!r} of row {numbers[wrong[0]] + 1:,} is {what}; a weight is 0 or "
            f"more ({some} wrong)."
        )
    return weights


def check_order(column: Values, name: str) -> None:
    """Raises BadData where the values of the column do not order rows in time."""
    if (kind := kind_of(column.type)) in ("text", "boolean"):
        raise BadData(
            f"The time {name!r} is of the type {kind}. A date, a date and time or a number "
            "orders rows: correct its type in the dataset."
        )


def _missing(column: Values, keep: Ints, name: str, infinite: int = 0) -> list[str]:
    """`infinite` of the rows that are not kept have such a value, the others none."""
    gone = {"missing": len(column) - len(keep) - infinite, "infinite": infinite}
    return [
        f"{'1 row is' if rows == 1 else f'{rows:,} rows are'} left out: the target {name!r} is "
        f"{why} there."
        for why, rows in gone.items()
        if rows
    ]
