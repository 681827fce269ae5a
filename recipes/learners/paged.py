"""XGBoost's matrix in pages: on disk for the CPU; for a GPU in its memory and this machine's."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from itertools import islice
from typing import Any

import numpy as np
import xgboost
from xgboost.core import XGBoostError

from recipes.boosted_room import KEPT, PAGE, at_once
from recipes.learners.learner import Pages, Rows, Setup

Place = Callable[[list[np.ndarray[Any, Any]]], Any]  # arrays of this machine, one below the other
# Of so many batches XGBoost holds what it needs to find where numbers are cut before it sums them
# up. By default these grow with the table.
STREAM = 16
FULL = re.compile(
    r"Memory allocation error|cudaErrorMemoryAllocation|out of memory|bad_alloc", re.I
)


class GpuFull(Exception):
    """The GPU's memory ran out while trees grew."""

    code = "cuda_out_of_memory"


def matrix(rows: Rows, pages: Pages, setup: Setup, like: Any = None) -> Any:
    """Of `like` its cuts are taken, and its rows stay on the GPU rather than these."""
    told = {"max_bin": setup.params["max_bin"], "nthread": setup.threads, "ref": like}
    if not pages.gpu:
        return xgboost.ExtMemQuantileDMatrix(Parts(rows, pages), **told)
    columns = max(1, rows.matrix.shape[1])
    parts = Parts(
        rows,
        pages,
        place=on_gpu,
        together=max(1, at_once(pages.gpu, columns) // pages.rows),
        page=int(pages.gpu * PAGE),
    )
    packed = len(rows.target) * columns * told["max_bin"].bit_length() // 8
    return xgboost.ExtMemQuantileDMatrix(
        parts,
        max_quantile_batches=STREAM,
        cache_host_ratio=host_share(packed, pages.gpu, judges=like is not None),
        **told,
    )


def host_share(packed: int, room: int, *, judges: bool) -> float | None:
    """How much of the pages lies in this machine's memory: all, where they only judge. XGBoost's
    own answer is by all of the GPU's memory, of which others may hold some."""
    if judges:
        return 1.0
    return 0.0 if packed <= KEPT * room else 1 - KEPT * room / packed


def on_gpu(arrays: list[np.ndarray[Any, Any]]) -> Any:
    """Complete when it is told: a tensor does not tell XGBoost on which stream it is made."""
    torch = import_module("torch")  # learning on the CPU does without it
    made = torch.cat([torch.from_numpy(np.ascontiguousarray(one)).cuda() for one in arrays])
    torch.cuda.current_stream().synchronize()
    return made


class Parts(xgboost.DataIter):
    """The pages of a matrix, as XGBoost asks for them: a few times over. For a GPU (`place`) some
    are put together there: it takes nothing from elsewhere."""

    def __init__(
        self,
        rows: Rows,
        pages: Pages,
        *,
        place: Place | None = None,
        together: int = 1,
        page: int | None = None,
    ) -> None:
        super().__init__(cache_prefix=str(pages.folder / "page"), min_cache_page_bytes=page)
        self._rows = rows
        self._pages = pages
        self._place = place
        self._together = together
        self._held: Any = None  # XGBoost looks at it, and does not keep it
        self.reset()

    def reset(self) -> None:
        self._blocks = self._pages.blocks()
        self._at = 0
        self._held = None

    def next(self, input_data: Any) -> bool:
        self._held = None  # before there is another
        blocks = list(islice(self._blocks, self._together))
        if not blocks:
            return False
        here = slice(self._at, self._at + sum(map(len, blocks)))
        self._at = here.stop
        weight = None if self._rows.weight is None else self._rows.weight[here]
        target = self._rows.target[here]
        if self._place is None:
            input_data(data=blocks[0], label=target, weight=weight)
        elif find_spec("cupy") is not None:
            input_data(
                data=self._place(blocks),
                label=self._place([target]),
                weight=None if weight is None else self._place([weight]),
            )
        else:  # `input_data` imports CuPy to look at what lies on a GPU; the rest may lie here
            self._held = self._place(blocks)
            self.proxy._ref_data_from_cuda_interface(self._held)
            self.proxy.set_info(label=target, weight=weight)
        return True


@contextmanager
def pooled(pages: Pages | None) -> Iterator[None]:
    """Pages come and go on a GPU, whose driver's pool gives memory for them at once."""
    if pages is None or not pages.gpu:
        yield
        return
    try:
        xgboost.set_config(use_cuda_async_pool=True)
    except XGBoostError:  # some virtual GPUs have none; it is on even so
        xgboost.set_config(use_cuda_async_pool=False)
    try:
        yield
    finally:
        xgboost.set_config(use_cuda_async_pool=False)


@contextmanager
def explained(train: Rows, setup: Setup) -> Iterator[None]:
    """Raises GpuFull where XGBoost, or what brings pages to it, finds no memory on the GPU."""
    try:
        yield
    except (XGBoostError, RuntimeError, MemoryError) as wrong:
        if setup.device == "cpu" or not FULL.search(str(wrong)):
            raise
        rows, several = len(train.target), setup.company.world > 1
        told = f"{rows:,} rows of {len(setup.names):,} encoded columns"
        raise GpuFull(
            f"The GPU's memory ran out while XGBoost learned {told}"
            f"{'' if train.pages is None else ' in pages'}{', its part of them' if several else ''}"
            f". Choose {'more GPUs, or ones' if several else 'a GPU'} with more memory free, fewer "
            "bins, shallower trees or fewer rows, or leave columns out."
        ) from wrong
