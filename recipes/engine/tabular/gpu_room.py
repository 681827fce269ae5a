"""Whether a training on a table fits into a GPU's memory, all of it or in pages: told before."""

from typing import NamedTuple

import torch

from recipes.boosted_room import Need
from recipes.engine.memory import GIB, GpuOutOfMemory, fewer
from recipes.engine.peers import Peers, own_memory
from recipes.engine.tabular.design import TableDesign
from recipes.job import Compute


class Gpu(NamedTuple):
    """Bytes of it that the job may use, and how many GPUs share the rows."""

    free: int
    world: int = 1


def usable(compute: Compute, peers: Peers) -> Gpu | None:
    """What is free on this rank's GPU, within the job's budget; None on the CPU."""
    if peers.device.type != "cuda":
        return None
    free, _ = torch.cuda.mem_get_info(peers.device)
    return Gpu(min(free, own_memory(compute)) if compute.memory else free, peers.world)


def need(
    design: TableDesign, rows: int, columns: tuple[int, int], classes: int, gpu: Gpu | None
) -> Need | None:
    """What the algorithm takes of each GPU, where that is foreseen. `columns` are those of numbers
    and those of marks."""
    takes = design.algorithm.gpu_room
    if gpu is None or takes is None:
        return None
    return takes(design.params, -(-rows // gpu.world), columns, classes)


def check(design: TableDesign, rows: int, need: Need | None, gpu: Gpu | None) -> str:
    """Why it is to learn in pages; "": all of it fits. Raises GpuOutOfMemory where it fits in no
    way that this design may learn."""
    if need is None or gpu is None or need.fits(gpu.free):
        return ""
    can = gpu.world == 1 and design.algorithm.learns_from_disk(design.params, "cuda")
    if can and need.paged(gpu.free):
        return (
            f"Encoded, the table needs about {need.whole / GIB:.1f} GiB of the GPU's memory and "
            f"this job may use {gpu.free / GIB:.1f}: its numbers lie in pages, the most of them in "
            "the node's memory, while it is learned, which takes longer."
        )
    if need.sure <= gpu.free:
        return ""  # it may do: what is needed with other numbers was too much
    least = need.in_pages() if can else need.least
    each = "each GPU's" if gpu.world > 1 else "the GPU's"
    raise GpuOutOfMemory(
        f"Encoded, the table has {rows:,} rows and {need.columns:,} columns: it needs about "
        f"{least / GIB:.1f} GiB of {each} memory{', even in pages,' if can else ''} and this job "
        f"may use {gpu.free / GIB:.1f}. {_instead(design, gpu, paged=can)}"
        + fewer(gpu.world * need.most(gpu.free, paged=can), rows)
    )


def _instead(design: TableDesign, gpu: Gpu, *, paged: bool) -> str:
    card = design.algorithm
    if paged:
        return "Choose a GPU with more memory, fewer bins, shallower trees, or the CPU"
    if card.learns_from_disk(design.params, "cuda"):
        return "Several GPUs do not learn from pages: choose more of them, or one alone, which does"
    told = {one.name: one for one in card.params.fields}
    paged_with = [one for one in (card.from_disk, card.gpu_pages) if one]
    asked = " and ".join(f"{told[name].label} '{value}'" for name, value in paged_with)
    return f"Choose {asked}, which learns from pages, a GPU with more memory, or leave columns out"
