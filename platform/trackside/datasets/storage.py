"""Where the bytes lie. Paths in the database are relative to TRACKSIDE_STORAGE."""

import os
import shutil
from pathlib import Path
from uuid import uuid4

from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile

from trackside.datasets.models import Dataset


def root() -> Path:
    return Path(settings.TRACKSIDE_STORAGE)


def folder(dataset: Dataset) -> Path:
    """The dataset's own folder, absolute, whether it is there already or not."""
    return root() / (dataset.folder or f"datasets/{dataset.pk}")


def keep_upload(file: UploadedFile) -> Path:
    """The uploaded bytes under a name of our own: what the file was called is never a path."""
    target = root() / "uploads" / str(uuid4())
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if isinstance(file, TemporaryUploadedFile):
        shutil.move(file.temporary_file_path(), target)
    else:
        with target.open("wb") as out:
            for chunk in file.chunks():
                out.write(chunk)
    target.chmod(0o600)
    return target


def drop_upload(path: str) -> None:
    """Remove an archive that is no longer needed; anything outside `uploads` stays."""
    archive = Path(path)
    if archive.parent == root() / "uploads":
        archive.unlink(missing_ok=True)


def drop_folder(path: Path) -> None:
    """Out of sight at once by a rename, then removed."""
    if not path.is_dir():
        return
    gone = path.with_name(f".gone-{path.name}-{os.getpid()}")
    path.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def inside(base: Path, relative: str) -> Path | None:
    """`relative` below `base`, or None when it points out of it or is not there."""
    path = (base / relative).resolve()
    return path if path.is_relative_to(base.resolve()) and path.is_file() else None
