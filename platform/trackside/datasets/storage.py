"""Where the bytes lie. Paths in the database are relative to TRACKSIDE_STORAGE."""

import os
import shutil
from pathlib import Path
from uuid import uuid4

from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile

from trackside.datasets.models import Dataset
from trackside.jobs.models import Attempt

ORIGINAL = "original"  # of a table, beside what the import made of it


def root() -> Path:
    return Path(settings.TRACKSIDE_STORAGE)


def folder(dataset: Dataset) -> Path:
    """The dataset's own folder, absolute, whether it is there already or not."""
    return root() / (dataset.folder or f"datasets/{dataset.pk}")


def uploads() -> Path:
    return root() / "uploads"


def keep_upload(file: UploadedFile) -> Path:
    """The uploaded bytes under a name of our own: what the file was called is never a path."""
    target = uploads() / str(uuid4())
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
    if archive.parent == uploads():
        archive.unlink(missing_ok=True)


def keep_original(archive: Path, home: Path) -> None:
    """The upload as `home`/original; asked again after a rolled back first time, it is there."""
    if archive.parent == uploads() and archive.is_file():
        _same_bytes(archive, home / ORIGINAL)


def original(dataset: Dataset) -> Path | None:
    """The file that was uploaded, where it was kept."""
    path = folder(dataset) / ORIGINAL
    return path if path.is_file() else None


def upload_again(kept: Path) -> Path:
    """The kept file as an upload of its own, which its import may move and drop."""
    target = uploads() / str(uuid4())
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _same_bytes(kept, target)
    return target


def _same_bytes(source: Path, target: Path) -> None:
    """One more name of the file where the file system can, else a copy; whole or not at all."""
    draft = target.with_name(f".{target.name}-{uuid4().hex}")
    try:
        os.link(source, draft)
    except OSError:
        shutil.copyfile(source, draft)
        draft.chmod(0o600)
    draft.replace(target)


def take_over(dataset: Dataset, attempt: Attempt) -> Path:
    """What the attempt has made, in a folder of its own beside what the dataset has so far.

    Asked again after a rolled back first time, it is there already. The one who makes it
    `dataset.folder` calls `drop_others` once that is committed.
    """
    home = root() / "datasets" / f"{dataset.pk}-{attempt.pk}"
    output = root() / attempt.folder / "output" if attempt.folder else None
    if output is not None and output.is_dir():
        home.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        drop_folder(home)
        output.rename(home)
    if not home.is_dir():
        raise FileNotFoundError(f"The job of {dataset.name} left no folder {home}.")
    return home


def drop_others(number: int, keep: Path | None = None) -> None:
    """Remove what dataset `number` had before `keep`, and what attempts left that never counted."""
    homes = root() / "datasets"
    for path in (homes / str(number), *homes.glob(f"{number}-*")):
        if path != keep:
            drop_folder(path)


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
