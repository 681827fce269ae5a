"""Newer rows of an uploaded table under its own name, where models and recipes find them."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from trackside.accounts.models import User
from trackside.accounts.services import audit
from trackside.compute import room
from trackside.datasets import corrections, from_database, holding, services, storage, tables
from trackside.datasets.models import Dataset, DatasetState
from trackside.datasets.trouble import BadDataset, Refused
from trackside.jobs.models import Job


def replace(
    dataset: Dataset, user: User, file: UploadedFile | None, click_id: str | None = None
) -> Job:
    """Import `file` in place of the last one; read as it was, with the types that were said.

    Until the import ends well the dataset is as it was. Raises Refused, and BadDataset of the file.
    """
    if click_id and (before := Job.objects.filter(created_by=user, click_id=click_id).first()):
        return before
    check(dataset)
    archive = storage.keep_upload(_checked(dataset, file))
    try:
        with transaction.atomic():
            held = holding.held(dataset)
            check(held)
            spec = _about(held, archive, file.name or "" if file else "")
            audit(user, "rows replaced", f"{spec['name']} into {held.project.key}/{held.name}")
            title = f"Import newer rows of {held.name}"
            job = services.import_again(held, user, title, spec, click_id)
    except BaseException:
        storage.drop_upload(str(archive))
        raise
    dataset.job, dataset.state, dataset.reason = job, held.state, held.reason
    return job


def check(dataset: Dataset) -> None:
    """Raises Refused where no file can take the place of the last one now."""
    if dataset.kind != "table":
        raise Refused(
            f"{dataset.name} has images: what models said of them is kept by their numbers. Newer "
            "ones are a dataset of their own."
        )
    if from_database.source_of(dataset) is not None:
        raise Refused(f"{dataset.name} comes from a database: read it again there.")
    if writer := holding.writer_of(dataset):
        raise Refused(f"{dataset.name} is written by the recipe {writer}: run that again.")
    if dataset.state == DatasetState.READY and not tables.imported(dataset):
        raise Refused(f"{dataset.name} was written by a recipe: upload the rows as a new dataset.")
    corrections.check(dataset)


def possible(dataset: Dataset) -> bool:
    """Whether the kind of dataset is one whose rows are uploaded, busy or not."""
    return (
        dataset.kind == "table"
        and dataset.state == DatasetState.READY
        and tables.imported(dataset)
        and from_database.source_of(dataset) is None
        and not holding.writer_of(dataset)
    )


def _checked(dataset: Dataset, file: UploadedFile | None) -> UploadedFile:
    if file is None:
        raise BadDataset("file", f"Choose the file with the newer rows of {dataset.name}.")
    if not file.size:
        raise BadDataset("file", f"{file.name} is empty.")
    if sentence := room.missing(Path(settings.FILE_UPLOAD_TEMP_DIR)):
        raise BadDataset("file", sentence, code="no_room", status=507)
    return file


def _about(dataset: Dataset, archive: Path, name: str) -> dict[str, Any]:
    return {
        "archive": str(archive),
        "newer": True,
        "name": name,
        "kind": "table",
        "read": dict(dataset.facts.get("read") or {}),
        "types": corrections.given(dataset),
    }
