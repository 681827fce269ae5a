"""Where batches come from: pictures out of the pixel cache, or features computed once."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from recipes.data import augment
from recipes.data.cache import PixelCache, Pixels
from recipes.nets.backbones import ImageInput

Places = np.ndarray[Any, np.dtype[np.int64]]
Made = TypeVar("Made")


class Source(Protocol):
    """Pictures with their classes. `load` runs in threads beside the device, `prepare` on it."""

    labels: Tensor

    def load(self, places: Places, rng: augment.Random | None) -> Tensor: ...
    def prepare(self, loaded: Tensor, rng: augment.Random | None) -> Tensor: ...


class PictureSource:
    """Pictures of the cache. Without a random generator: the middle of each, as scoring sees it."""

    def __init__(
        self,
        cache: PixelCache,
        places: Sequence[int],
        labels: Sequence[int],
        seen: ImageInput,
        augmentation: dict[str, Any],
        device: torch.device,
    ) -> None:
        self.labels = torch.tensor(labels, dtype=torch.int64)
        self._cache = cache
        self._places = np.asarray(places, dtype=np.int64)
        self._seen = seen
        self._augmentation = augmentation
        self._normal = Normal(seen, device)

    def load(self, places: Places, rng: augment.Random | None) -> Tensor:
        views = [self._cache.picture(int(place)) for place in self._places[places]]
        settings = None if rng is None else self._augmentation
        return augment.crop_batch(views, settings, self._seen.size, rng)

    def prepare(self, loaded: Tensor, rng: augment.Random | None) -> Tensor:
        batch = self._normal.lift(loaded)
        if rng is not None:
            batch = augment.change_batch(batch, self._augmentation, rng)
        return self._normal(batch)


class FeatureSource:
    """What a frozen backbone made of the pictures, one row each."""

    def __init__(self, features: Tensor, labels: Sequence[int], device: torch.device) -> None:
        self.labels = torch.tensor(labels, dtype=torch.int64)
        self._features = features
        self._device = device

    def load(self, places: Places, rng: augment.Random | None) -> Tensor:
        return self._features[torch.from_numpy(places)]

    def prepare(self, loaded: Tensor, rng: augment.Random | None) -> Tensor:
        return loaded.to(self._device, non_blocking=True)


class Normal:
    """From uint8, batch x height x width x 3, to what a network takes."""

    def __init__(self, seen: ImageInput, device: torch.device) -> None:
        self._device = device
        self._shift = torch.tensor(seen.mean, device=device).view(1, 3, 1, 1) * 255
        self._scale = torch.tensor(seen.std, device=device).view(1, 3, 1, 1) * 255

    def lift(self, pixels: Tensor) -> Tensor:
        """Float, batch x 3 x height x width, channels last, still from 0 to 255."""
        moved = pixels.to(self._device, non_blocking=True)
        return moved.permute(0, 3, 1, 2).float()

    def __call__(self, batch: Tensor) -> Tensor:
        return batch.sub_(self._shift).div_(self._scale)

    def pictures(self, pixels: Sequence[Pixels]) -> Tensor:
        """A batch of pictures that are cut to size already."""
        return self(self.lift(torch.from_numpy(np.stack(pixels))))


def ahead(makers: Iterator[Callable[[], Made]], *, threads: int, depth: int) -> Iterator[Made]:
    """What each call makes, in order, up to `depth` made ahead; without threads made in turn."""
    if threads < 1:
        for make in makers:
            yield make()
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[Made]] = deque()
        try:
            for make in makers:
                waiting.append(pool.submit(make))
                if len(waiting) > depth:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def order(count: int, batch: int, world: int, *, seed: int, epoch: int) -> Places:
    """Who sees what in an epoch: steps x ranks x pictures, each picture at least once.

    All batches are full and all ranks have as many: the last step is filled from the front of the
    same permutation, so that no rank waits for another and no batch norm sees a single picture
    while there are more.
    """
    each = min(batch, -(-count // world))
    steps = -(-count // (each * world))
    shuffled = np.random.default_rng([seed, epoch]).permutation(count)
    return np.resize(shuffled, (steps, world, each)).astype(np.int64)
