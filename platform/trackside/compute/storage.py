"""One storage for all machines: proved by a token that lies in it and in the database alike."""

from pathlib import Path
from uuid import uuid4

from recipes.job import write_whole
from trackside.compute.models import Site

MARK = ".trackside-token"
ONLY = 1  # the primary key of the one row


class BadStorage(Exception):
    """TRACKSIDE_STORAGE cannot be used from this machine; the message says what to do."""


def mark(storage: Path) -> None:
    """At the start of the web: what it writes to is the storage. Raises BadStorage.

    A new database takes over the storage that it finds.
    """
    there = _read(storage)
    row, _ = Site.objects.get_or_create(pk=ONLY, defaults={"storage_token": there or uuid4().hex})
    if not there:
        storage.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_whole(storage / MARK, row.storage_token)
    elif there != row.storage_token:
        raise BadStorage(
            f"TRACKSIDE_STORAGE {storage} belongs to another installation: its {MARK} is not that "
            "of this database. Name the folder, or the DATABASE_URL, that belongs to the other."
        )


def prove(storage: Path) -> None:
    """This machine sees the storage that the web writes to. Raises BadStorage."""
    row = Site.objects.filter(pk=ONLY).first()
    if row is None or _read(storage) == row.storage_token:
        return  # without a row no web has started yet, and there is nothing to compare with
    raise BadStorage(
        f"TRACKSIDE_STORAGE {storage} is not the storage that the web writes to: its {MARK} "
        f"{'differs' if (storage / MARK).exists() else 'is missing'}. Mount the same filesystem "
        "here, at the same path."
    )


def _read(storage: Path) -> str:
    try:
        return (storage / MARK).read_text().strip()
    except OSError:
        return ""
