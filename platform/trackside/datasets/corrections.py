"""A table's file read once more, with corrected types or other options."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.db import transaction

from trackside.accounts.models import User
from trackside.accounts.services import audit
from trackside.compute import room
from trackside.datasets import holding, reading, services, storage, tables
from trackside.datasets.models import Dataset, DatasetState
from trackside.datasets.trouble import BadDataset, Refused
from trackside.jobs.models import Job
from trackside.jobs.states import JOB_OVER

FIND_OUT = "auto"  # as a type: as if the user had never said one


def correct(
    dataset: Dataset,
    user: User,
    types: Mapping[str, Any],
    read: Mapping[str, Any] | None = None,
    seen: str = "",
) -> Job:
    """Import the kept file again. `types` changes some columns, the others' stay as they were said.

    `read` replaces the options of the last import. `seen` is the fingerprint that the user looked
    at, "" for any. Raises Refused, and BadDataset for a column, type or option that does not exist.
    """
    _check(dataset, seen)
    before = dict(dataset.facts.get("read") or {})
    options = before if read is None else reading.check_read(read)
    wanted = _types(dataset, types)
    if wanted is None and options == before:
        raise Refused("Nothing was changed: every column has this type already.")
    if sentence := room.missing():
        raise Refused(sentence)
    about = {
        "name": dataset.facts.get("file") or dataset.name,
        "kind": "table",
        "read": options,
        "types": given(dataset) if wanted is None else wanted,
    }
    if source := dataset.facts.get("source"):
        about["source"] = source  # its rows as they came are the file
    return _begin(dataset, user, about)


def _begin(dataset: Dataset, user: User, about: dict[str, Any]) -> Job:
    """What the sentences above were said of holds still: nobody else has changed it meanwhile."""
    archive: Path | None = None
    try:
        with transaction.atomic():
            held = holding.held(dataset)
            kept = _check(held, dataset.fingerprint)
            archive = storage.upload_again(kept)
            spec = {"archive": str(archive), **about}
            job = services.import_again(held, user, f"Import {held.name} again", spec)
            audit(user, "types corrected", f"{held.project.key}/{held.name}")
    except BaseException:
        storage.drop_upload(str(archive or ""))
        raise
    dataset.job, dataset.state, dataset.reason = job, held.state, held.reason
    return job


def refusal(dataset: Dataset) -> str:
    """Why it cannot be read again now, as a sentence; "" when it can."""
    try:
        _check(dataset, "")
    except Refused as refused:
        return str(refused)
    return ""


def check(dataset: Dataset, seen: str = "") -> None:
    """Raises Refused where it cannot be imported again now, wherever its rows would come from."""
    if dataset.kind != "table" or not tables.imported(dataset):
        raise Refused(
            f"{dataset.name} is written by a recipe, with the types that its rows have. Types are "
            "corrected where those come from."
        )
    job = dataset.job
    if job is not None and job.state not in JOB_OVER:
        raise Refused(f"{dataset.name} is being imported by job {job.pk}. Wait until it is over.")
    if dataset.state != DatasetState.READY:
        raise Refused(f"{dataset.name} is not ready.")
    if seen and seen != dataset.fingerprint:
        raise Refused(f"{dataset.name} was imported anew meanwhile. Look at it and correct it.")
    holding.check_unread(dataset, "imported again")


def _check(dataset: Dataset, seen: str) -> Path:
    """The kept file. Raises Refused."""
    check(dataset, seen)
    kept = storage.original(dataset)
    if kept is None:
        raise Refused(f"The uploaded file of {dataset.name} is gone. Upload it again.")
    return kept


def given(dataset: Dataset) -> reading.Types:
    """What the user has said so far."""
    return {one["name"]: one["type"] for one in tables.columns(dataset) if one.get("given")}


def _types(dataset: Dataset, changes: Mapping[str, Any]) -> reading.Types | None:
    """All types to give the import; None when nothing changes. Raises BadDataset."""
    known = {one["name"]: one for one in tables.columns(dataset)}
    for name in changes:
        if name not in known:
            raise BadDataset(
                f"types.{name}"[:120], f"{dataset.name} has no column called {name[:80]!r}."
            )
    again = {name for name, kind in changes.items() if kind == FIND_OUT and known[name]["given"]}
    told = {name: kind for name, kind in changes.items() if kind != FIND_OUT}
    new = {
        name: kind
        for name, kind in reading.check_types(told).items()
        if kind != known[name]["type"]
    }
    if not new and not again:
        return None
    stays = {name: kind for name, kind in given(dataset).items() if name not in again}
    return {**stays, **new}
