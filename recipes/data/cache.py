"""Decoded once: pictures as uint8 in a file that all ranks, epochs and later jobs map.

A cache is a folder `pixels-<key>` with `pixels.bin` and `table.npy` (offset, height, width of each
picture; height 0: damaged). It is built under a draft name and renamed: whole or not at all. Beside
it lie the files `features-<key>.npy` of recipes.engine.features.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from recipes.data import pictures
from recipes.data.listing import Row
from recipes.nets.backbones import ImageInput

WIDEST = 2.0  # a longer side is cut to this many times the shorter one
RESAMPLING = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
OLD_DRAFT = 24 * 3600
SPARE = 1 << 30  # bytes that stay free on the cache's disk

Pixels = np.ndarray[Any, np.dtype[np.uint8]]


class Gang(Protocol):
    """What the cache asks of the peers, see recipes.engine.peers."""

    rank: int
    world: int
    near: int  # the ranks on this rank's node

    def barrier(self) -> None: ...
    def gather(self, value: Any) -> list[Any]: ...
    def share(self, value: Any) -> Any: ...


class PixelCache:
    """The pictures of `rows`, resized; `None` where a picture was damaged."""

    def __init__(self, folder: Path) -> None:
        self.table: np.ndarray[Any, np.dtype[np.int64]] = np.load(folder / "table.npy")
        size = (folder / "pixels.bin").stat().st_size
        self._bytes: Pixels = (
            # Private and writable, because torch takes no read-only array without a warning.
            np.memmap(folder / "pixels.bin", np.uint8, mode="c") if size else np.zeros(0, np.uint8)
        )
        self.damaged: dict[int, str] = {
            int(key): why for key, why in json.loads((folder / "damaged.json").read_text()).items()
        }

    def __len__(self) -> int:
        return len(self.table)

    def picture(self, place: int) -> Pixels:
        """Height x width x 3, a view of the file."""
        offset, height, width = (int(one) for one in self.table[place])
        return self._bytes[offset : offset + height * width * 3].reshape(height, width, 3)


def resize(image: Image.Image, seen: ImageInput) -> Image.Image:
    """The shorter side as long as `seen.resize`, as torchvision does it, and not too wide."""
    width, height = image.size
    box = None
    longest = round(WIDEST * min(width, height))
    if max(width, height) > longest:
        left, top = (width - min(width, longest)) // 2, (height - min(height, longest)) // 2
        width, height = min(width, longest), min(height, longest)
        box = (left, top, left + width, top + height)
    return image.resize(resized(width, height, seen), RESAMPLING[seen.interpolation], box=box)


def resized(width: int, height: int, seen: ImageInput) -> tuple[int, int]:
    """Width and height after `resize`."""
    longest = round(WIDEST * min(width, height))
    width, height = min(width, longest), min(height, longest)
    if width <= height:
        return seen.resize, int(seen.resize * height / width)
    return int(seen.resize * width / height), seen.resize


def middle(pixels: Pixels, size: int) -> Pixels:
    """The square in the middle, as torchvision's CenterCrop cuts it."""
    height, width = pixels.shape[:2]
    top, left = round((height - size) / 2), round((width - size) / 2)
    return pixels[top : top + size, left : left + size]


def key(fingerprint: str, rows: Sequence[Row], seen: ImageInput) -> str:
    """Names a cache by everything that its pixels depend on."""
    numbers = hashlib.sha256(repr([row.number for row in rows]).encode()).hexdigest()
    parts = ("3", fingerprint, numbers, seen.resize, seen.interpolation, WIDEST)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def open_cache(
    home: Path, fingerprint: str, rows: Sequence[Row], seen: ImageInput, gang: Gang, threads: int
) -> PixelCache:
    """The cache of these pictures; all ranks build it together when it is not there yet."""
    folder = home / f"pixels-{key(fingerprint, rows, seen)}"
    if not gang.share(folder.is_dir() if gang.rank == 0 else None):
        _build(folder, rows, seen, gang, threads)
    cache = PixelCache(folder)
    if gang.rank == 0:
        os.utime(folder)
    gang.barrier()
    return cache


def _build(folder: Path, rows: Sequence[Row], seen: ImageInput, gang: Gang, threads: int) -> None:
    table = _layout(rows, seen)
    bytes_ = int((table[:, 1] * table[:, 2]).sum()) * 3
    draft = folder.with_name(f".{folder.name}.{os.getpid()}") if gang.rank == 0 else None
    if draft is not None:
        make_room(folder.parent, bytes_)
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        with (draft / "pixels.bin").open("wb") as out:
            out.truncate(bytes_)
    draft = gang.share(draft)
    # The ranks of one node: two machines that write into one file undo each other's pages.
    near = gang.share(gang.near)
    mine = slice(gang.rank, None, near) if gang.rank < near else slice(0)
    damaged = _decode(draft, table, rows, seen, mine, threads)
    everyone: dict[int, str] = {}
    for part in gang.gather(damaged):
        everyone.update(part)
    if gang.rank == 0:
        for place in everyone:
            table[place, 1:] = 0
        _finish(draft, folder, table, everyone)
    gang.barrier()


def _layout(rows: Sequence[Row], seen: ImageInput) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Where each picture goes: known before any is decoded, so that ranks need not wait."""
    table = np.zeros((len(rows), 3), np.int64)
    for place, row in enumerate(rows):
        width, height = resized(max(row.width, 1), max(row.height, 1), seen)
        table[place, 1:] = height, width
    sizes = table[:, 1] * table[:, 2] * 3
    table[1:, 0] = np.cumsum(sizes)[:-1]
    return table


def _decode(
    draft: Path,
    table: np.ndarray[Any, np.dtype[np.int64]],
    rows: Sequence[Row],
    seen: ImageInput,
    mine: slice,
    threads: int,
) -> dict[int, str]:
    """Write this rank's pictures into the draft; why which could not be read."""
    places = range(len(rows))[mine]
    if not places or not table.any():
        return {}
    out = np.memmap(draft / "pixels.bin", np.uint8, mode="r+")
    damaged: dict[int, str] = {}

    def one(place: int) -> None:
        offset, height, width = (int(number) for number in table[place])
        try:
            image = resize(pictures.open_rgb(rows[place].file), seen)
        except pictures.BadPicture as why:
            damaged[place] = str(why)
            return
        except OSError as why:
            damaged[place] = f"The file cannot be read: {why.strerror}."
            return
        if image.size != (width, height):
            image = image.resize((width, height), RESAMPLING[seen.interpolation])
        out[offset : offset + height * width * 3] = np.asarray(image).reshape(-1)

    with ThreadPoolExecutor(max(1, threads)) as pool:
        list(pool.map(one, places))
    out.flush()
    return damaged


def _finish(
    draft: Path,
    folder: Path,
    table: np.ndarray[Any, np.dtype[np.int64]],
    damaged: dict[int, str],
) -> None:
    with (draft / "table.npy").open("wb") as out:
        np.save(out, table)
        out.flush()
        os.fsync(out.fileno())
    (draft / "damaged.json").write_text(json.dumps(damaged))
    settle(draft, folder)


def settle(draft: Path, place: Path) -> None:
    """Give a finished draft its name; another job that was faster wins, the contents are equal."""
    try:
        draft.rename(place)
    except OSError:
        if not place.exists():
            raise
        shutil.rmtree(draft, ignore_errors=True)


def make_room(home: Path, bytes_: int) -> None:
    """Drop dead drafts, and what was used least recently until there is room."""
    home.mkdir(parents=True, exist_ok=True)
    for used, draft in _listed(home, ".pixels-*", ".features-*"):
        if time.time() - used > OLD_DRAFT:
            _drop(draft)
    caches = _listed(home, "pixels-*", "features-*")
    while caches and shutil.disk_usage(home).free < bytes_ + SPARE:
        _drop(caches.pop(0)[1])
    free = shutil.disk_usage(home).free
    if free < bytes_:
        raise OSError(
            f"The cache in {home} needs {bytes_:,} bytes and its disk has {free:,} free. "
            "Free some room or choose a smaller image size."
        )


def _listed(home: Path, *patterns: str) -> list[tuple[float, Path]]:
    """When each was last used, the oldest first. Another job may drop one meanwhile."""
    found = []
    for one in (path for pattern in patterns for path in home.glob(pattern)):
        with suppress(FileNotFoundError):
            found.append((one.stat().st_mtime, one))
    return sorted(found)


def _drop(cache: Path) -> None:
    """Pixels are a folder, features a file."""
    if cache.is_dir():
        shutil.rmtree(cache, ignore_errors=True)
    else:
        cache.unlink(missing_ok=True)
