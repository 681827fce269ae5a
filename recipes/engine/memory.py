"""A device that runs out of memory, told as a sentence with numbers."""

import contextlib
from collections.abc import Iterator

import torch

GIB = 1 << 30
ENOUGH = 1_000  # rows that are offered to learn from, at least


class OutOfMemory(Exception):
    """The device's memory is too small for this job; the message says what to change."""

    code = "out_of_memory"


class GpuOutOfMemory(OutOfMemory):
    """The same of a GPU."""

    code = "cuda_out_of_memory"


@contextlib.contextmanager
def explained(device: torch.device, *, batch: int, size: int, retrained: str) -> Iterator[None]:
    """Turn the library's error into OutOfMemory."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        free, total = torch.cuda.mem_get_info(device)
        ours = torch.cuda.max_memory_reserved(device)
        others = max(0, total - free - torch.cuda.memory_reserved(device))
        raise GpuOutOfMemory(
            f"{torch.cuda.get_device_name(device)} ran out of memory: this job had "
            f"{ours / GIB:.1f} of {total / GIB:.1f} GiB, others {others / GIB:.1f}. "
            + _advice(batch, size, retrained)
        ) from error
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and "can't allocate memory" not in str(error):
            raise
        raise OutOfMemory(
            f"The node has not enough memory for this job. {_advice(batch, size, retrained)}"
        ) from error


def fewer(fit: int, rows: int) -> str:
    """Offers to learn from the rows that fit, in two digits, where these are enough to learn."""
    step: int = 10 ** max(0, len(str(fit)) - 2)
    if (some := fit // step * step) < ENOUGH or some >= rows:
        return "."
    return f"; or learn from fewer rows, such as {some:,} at random: Train / Test set."


def _advice(batch: int, size: int, retrained: str) -> str:
    if batch > 1:
        tip = f"Try a batch size of {max(1, batch // 2)} instead of {batch}"
    else:
        tip = f"Try an image size of {max(32, size * 3 // 4 // 32 * 32)} px instead of {size}"
    return tip + (", or retrain the head only." if retrained != "head" else ".")
