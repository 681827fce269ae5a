"""A version's bundle as a tar, made while it is sent: no temporary file, no path of ours."""

import json
import tarfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings

from trackside.saved_models.models import Version

CHUNK = 1 << 20


class Search(NamedTuple):
    """What the search of a model's settings came to: the settings, and how good they were."""

    params: Any
    metric: str | None
    best: float | None


class BundleGone(Exception):
    """The bundle's folder is not in the storage any more."""


def folder(version: Version) -> Path:
    """The absolute folder of the bundle. Raises BundleGone."""
    path = Path(settings.TRACKSIDE_STORAGE) / version.bundle
    if not version.bundle or not (path / "model.json").is_file():
        raise BundleGone(f"The bundle of {version} is no longer in the storage.")
    return path


def about(place: Path) -> dict[str, Any]:
    """model.json of the bundle in this folder; empty when it is not there or torn."""
    return _read(place / "model.json")


def search(version: Version) -> Search | None:
    """None where its bundle tells of none, or is gone. A bundle stays as it is: what a page asks
    of each version is read once."""
    try:
        place = folder(version)
        return _search(place, (place / "report.json").stat().st_mtime_ns)
    except (BundleGone, OSError):
        return None


@lru_cache(maxsize=4096)
def _search(place: Path, _: int) -> Search | None:
    told = _read(place / "report.json").get("search")
    if not told:
        return None
    return Search(about(place).get("params"), told.get("metric"), told.get("best"))


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def members(version: Version) -> list[Path]:
    """The regular files of the bundle, sorted; links are not followed and not sent."""
    found = folder(version).rglob("*")
    return sorted(path for path in found if path.is_file() and not path.is_symlink())


def tar(version: Version) -> Iterator[bytes]:
    """The tar in pieces. Every member lies under `bundle/` and belongs to nobody."""
    root = folder(version)
    for path in members(version):
        info = tarfile.TarInfo(f"bundle/{path.relative_to(root).as_posix()}")
        info.size, info.mtime, info.mode = path.stat().st_size, int(path.stat().st_mtime), 0o644
        yield info.tobuf(tarfile.PAX_FORMAT)
        yield from _blocks(path, info.size)
    yield b"\0" * (2 * tarfile.BLOCKSIZE)


def tar_name(version: Version) -> str:
    """A file name of plain letters, whatever the saved model is called."""
    name = "".join(
        one if one.isascii() and one.isalnum() else "_" for one in str(version.saved_model)
    )
    return f"{name}_v{version.number}.tar"


def _blocks(path: Path, size: int) -> Iterator[bytes]:
    left = size
    with path.open("rb") as source:
        while left and (chunk := source.read(min(CHUNK, left))):
            left -= len(chunk)
            yield chunk
    yield b"\0" * (-size % tarfile.BLOCKSIZE)
