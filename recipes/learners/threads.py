"""PyTorch's threads, which are the whole process's."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """PyTorch has so many, and afterwards as many as before."""
    import torch  # noqa: PLC0415 - cards import this file

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
