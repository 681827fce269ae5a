"""Whether a training on a table fits into memory: refused before it is read, not killed later."""

from typing import Any, NamedTuple

import pyarrow.parquet as pq

from recipes import encoded, processes
from recipes.engine.memory import ENOUGH, GIB, OutOfMemory, fewer
from recipes.engine.tabular import gpu_room
from recipes.engine.tabular.design import TableDesign
from recipes.engine.tabular.gpu_room import Gpu
from recipes.learners.learner import Learner, Net, Setup
from recipes.tasks import table_split

SPARE = 0.9  # of the free memory
# Bytes of a row that is only judged: its place, truth, weight and what figures and curves take (178
# measured), and of each number that is predicted of it, which is held twice.
JUDGED, GIVEN = 200, 16
# Bytes of a network's weight while it is learned, at least: itself, its slope and two figures of
# the optimizer. On a GPU this machine's memory has the first ones alone.
WEIGHT = {"cpu": 16, "cuda": 4}
# In pages:
BLOCK = 256 << 20  # bytes of a block and what is made of it
SKETCH = 2 << 20  # bytes in which XGBoost finds where a number is cut
ROW = 64  # bytes of a row's target, weight, gradient and place in a tree
IN_PAGES = (
    "Encoded, the table needs more memory than the node has free: its numbers lie on disk while it "
    "is learned, which takes longer."
)
IN_PAGES_OF_GPU = (
    "Encoded, the table needs more memory than the node has free: its numbers lie in pages, as few "
    "bits as they need, there and on the GPU while it is learned, which takes longer."
)


class Fits(NamedTuple):
    """Bytes of this machine's memory that are left. Where it fits in pages alone: why, and the
    bytes of the GPU for them, 0 on the CPU."""

    left: int
    why: str = ""
    gpu: int = 0


def check(
    design: TableDesign,
    file: pq.ParquetFile,
    classes: int,
    *,
    ranks: int = 1,
    from_disk: bool = False,
    gpu: Gpu | None = None,
) -> Fits:
    """Raises OutOfMemory where it does not fit, in pages neither if `from_disk` allows these.

    `classes` of the target, 0 for a regression; each of the `ranks` of this machine reads and
    encodes all, and learns on `gpu`.
    """
    rows = table_split.used(design.split, file.metadata.num_rows)
    known = {one["name"]: one for one in design.columns}
    widths = [
        encoded.width(design.features[name], known[name]["distinct"], classes)
        for name in design.inputs
    ]
    each = encoded.of_row(widths, double=_double(design, classes))
    value = sum(encoded.of_value(known[name]) for name in design.inputs)
    whole = Need(ranks * (each + value), 0)
    handled = [design.features[name] for name in design.inputs]
    there = gpu_room.need(design, rows, encoded.columns(handled, widths), classes, gpu)
    why = gpu_room.check(design, rows, there, gpu)
    packed = 0 if there is None else -(-there.packed // max(1, rows))
    paged = _in_pages(handled, widths, value, packed)
    free = free_memory()
    beside = from_disk and paged.of(rows) <= free
    if whole.of(rows) <= free and not (why and beside):  # pages that do not fit help no GPU
        return Fits(free - whole.of(rows))
    if beside:
        left = free - paged.of(rows)
        if gpu is None or there is None:
            return Fits(left, IN_PAGES)
        return Fits(left, why or IN_PAGES_OF_GPU, there.left(gpu.free))
    some = f" in {ranks} ranks" if ranks > 1 else ""
    where = "on disk" if there is None else "in pages"
    what = "table" if rows == file.metadata.num_rows else "sample"
    raise OutOfMemory(
        f"Encoded, the {what} has {rows:,} rows and {sum(widths):,} columns: it needs about "
        f"{whole.of(rows) / GIB:.1f} GiB{some}"
        + (f", or {paged.of(rows) / GIB:.1f} with its numbers {where}," if from_disk else "")
        + f" and the node has {free / GIB:.1f} free. Leave columns out, lower 'Most categories', "
        "or encode categories as rank, frequency or target mean"
        + fewer(max(one.rows(free) for one in ((whole, paged) if from_disk else (whole,))), rows)
    )


class Need(NamedTuple):
    """Bytes of memory: so many a row, and so many beside."""

    row: int
    fixed: int

    def of(self, rows: int) -> int:
        return rows * self.row + self.fixed

    def rows(self, free: int) -> int:
        """How many fit, a little to spare."""
        return max(0, int(SPARE * free) - self.fixed) // max(1, self.row)


def judged(left: int, classes: int, ranks: int) -> int:
    """How many rows that are only judged fit into so many bytes: in one digit, so that a bit more
    or less of memory does not make them others."""
    fit = int(SPARE * left) // (ranks * (JUDGED + GIVEN * max(1, classes)))
    step: int = 10 ** max(0, len(str(fit)) - 1)
    return max(ENOUGH, fit // step * step)


def check_net(learner: Learner, device: str, ranks: int) -> None:
    """Whether there is memory for a network, before it takes any. Raises OutOfMemory."""
    if not isinstance(learner, Net):
        return
    count = learner.numbers()
    need, free = ranks * WEIGHT[device] * count, free_memory()
    if need > free:
        some = f" in {ranks} ranks" if ranks > 1 else ""
        raise OutOfMemory(
            f"The network would have {count:,} weights: to learn them takes {need / GIB:.1f} GiB"
            f"{some} at least, and the node has {free / GIB:.1f} free. Choose fewer layers, or "
            "narrower ones."
        )


def _in_pages(handled: list[dict[str, Any]], widths: list[int], value: int, packed: int) -> Need:
    """Of the values of a row, its numbers `packed` for a GPU, one column at a time and what a
    learner keeps of a row."""
    pairs = list(zip(handled, widths, strict=True))
    numbers = [wide for one, wide in pairs if not encoded.marks(one)]
    own = sum(wide for one, wide in pairs if one["encoding"] == "target")
    column = 3 * 8 * max(numbers, default=1) + 4 * own
    return Need(value + ROW + column + packed, BLOCK + SKETCH * sum(numbers))


def _double(design: TableDesign, classes: int) -> bool:
    """Whether the learner makes a copy of its own in double precision."""
    build = design.algorithm.learner
    if build is None:
        return False
    setup = Setup(classes=classes, params=design.params, seed=0, threads=1, device="cpu", names=[])
    return bool(getattr(build(setup), "double", False))


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
