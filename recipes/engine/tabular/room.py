"""Whether a training on a table fits into memory: refused before it is read, not killed later."""

from typing import Any

import pyarrow.parquet as pq

from recipes import processes
from recipes.engine.memory import GIB, OutOfMemory
from recipes.engine.tabular.design import TableDesign
from recipes.learners.learner import Setup

COPIES = 3  # of the matrix that stand in memory at once: its blocks, the whole, the learner's own
HELD = 2  # of the table: as it is read, and the rows that take part
# In pages:
BLOCK = 256 << 20  # bytes of a block and what is made of it
SKETCH = 2 << 20  # bytes in which XGBoost finds where a number is cut
ROW = 64  # bytes of a row's target, weight, gradient and place in a tree
IN_PAGES = (
    "Encoded, the table needs more memory than the node has free: its numbers lie on disk while it "
    "is learned, which takes longer."
)


def check(
    design: TableDesign,
    file: pq.ParquetFile,
    classes: int,
    *,
    more: int = 0,
    ranks: int = 1,
    from_disk: bool = False,
) -> bool:
    """Whether it only fits in pages, which `from_disk` allows. Raises OutOfMemory.

    `classes` of the target, 0 for a regression; `more` rows are read; each of the `ranks` of this
    machine reads and encodes all.
    """
    rows = file.metadata.num_rows
    known = {one["name"]: one for one in design.columns}
    widths = [
        width(design.features[name], known[name]["distinct"], classes) for name in design.inputs
    ]
    each = 4 * COPIES + (8 if _double(design, classes) else 0)
    encoded = rows * (each * sum(widths) + 2 * 8 * max(widths, default=0))
    read = HELD * (rows + more) * sum(_value(known[name]) for name in design.inputs)
    need, free = ranks * (encoded + read), free_memory()
    if need <= free:
        return False
    least = read + _in_pages(design, rows, widths)
    if from_disk and least <= free:
        return True
    some = f" in {ranks} ranks" if ranks > 1 else ""
    raise OutOfMemory(
        f"Encoded, the table has {rows:,} rows and {sum(widths):,} columns: it needs about "
        f"{need / GIB:.1f} GiB{some}"
        + (f", or {least / GIB:.1f} with its numbers on disk," if from_disk else "")
        + f" and the node has {free / GIB:.1f} free. Leave columns out, lower 'Most categories', "
        "or encode categories as rank, frequency or target mean."
    )


def _in_pages(design: TableDesign, rows: int, widths: list[int]) -> int:
    """Bytes beside the table: one column at a time, and what a learner keeps of all rows."""
    handled = [design.features[name] for name in design.inputs]
    pairs = list(zip(handled, widths, strict=True))
    numbers = [wide for one, wide in pairs if not _marks(one)]
    own = sum(wide for one, wide in pairs if one["encoding"] == "target")
    column = 3 * 8 * max(numbers, default=1) + 4 * own
    return BLOCK + SKETCH * sum(numbers) + rows * (ROW + column)


def _marks(handling: dict[str, Any]) -> bool:
    """Whether a value becomes a 1 among zeros, or few numbers among them."""
    if handling["type"] == "text":
        return True
    return handling["type"] == "category" and handling["encoding"] in ("onehot", "hash")


def _double(design: TableDesign, classes: int) -> bool:
    """Whether the learner makes a copy of its own in double precision."""
    build = design.algorithm.learner
    if build is None:
        return False
    setup = Setup(classes=classes, params=design.params, seed=0, threads=1, device="cpu", names=[])
    return bool(getattr(build(setup), "double", False))


def width(handling: dict[str, Any], distinct: int | None, classes: int) -> int:
    """Into how many numbers a value becomes, at most."""
    most, kind, encoding = handling["max_categories"], handling["type"], handling["encoding"]
    if kind == "datetime":
        return 6
    if kind == "text" or (kind == "category" and encoding == "hash"):
        return int(most)
    if kind == "category" and encoding == "onehot":
        return min(int(most), distinct or int(most)) + 2  # missing, and the rest
    if kind == "category" and encoding == "target":
        return classes if classes > 2 else 1
    return 1


def _value(column: dict[str, Any]) -> int:
    """Bytes that a value takes before it is encoded."""
    examples = [len(str(one)) for one in column.get("examples") or []]
    return 8 + (sum(examples) // len(examples) if examples and column["type"] == "text" else 0)


def free_memory() -> int:
    """Bytes that this process may still take: what the machine has, or what its group allows."""
    with open("/proc/meminfo") as told:
        lines = dict(line.split(":", 1) for line in told)
    free = int(lines["MemAvailable"].split()[0]) * 1024
    limit = processes.memory_limit()
    return free if limit is None else min(free, max(0, limit - _resident()))


def _resident() -> int:
    with open("/proc/self/status") as told:
        return next(int(line.split()[1]) * 1024 for line in told if line.startswith("VmRSS"))
