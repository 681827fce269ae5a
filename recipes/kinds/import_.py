"""Import: an uploaded table or archive becomes a dataset."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recipes.job import BadJob, Job
from recipes.kinds.kind import Kind

if TYPE_CHECKING:
    from recipes.engine.peers import Peers
    from recipes.events import Journal

ORIGINAL = "original"  # in a dataset's folder
KINDS_OF_DATA = ("auto", "images", "table")


def run(job: Job, folder: Path, peers: Peers | None) -> None:
    from recipes.events import Journal

    journal = Journal(folder)
    output = folder / "output"
    clear(output)
    if job.spec.get("archive"):
        facts = _of_file(Path(job.spec["archive"]), output, journal, job.spec)
    else:
        facts = _of_database(job, output, journal)
    journal.write("finished", facts=facts)
    journal.close()


def _of_file(archive: Path, output: Path, journal: Journal, spec: dict[str, Any]) -> dict[str, Any]:
    if not archive.is_file():
        raise BadJob(f"The uploaded file {archive.name} is gone. Upload it again.")
    return taken_in(archive, spec.get("name") or archive.name, output, journal, spec)


def _of_database(job: Job, output: Path, journal: Journal) -> dict[str, Any]:
    """The rows as they are now stay in the dataset, so that types are corrected without it."""
    from recipes.sql.access import taken

    source = job.spec.get("source")
    if not isinstance(source, dict):
        raise BadJob("The job names neither a file nor a table of a database.")
    access = taken(job.access)
    from recipes.data.tables import from_database, take_in

    name = job.spec.get("name") or source.get("table") or "the query"
    place = source.get("name") or access.place
    journal.write("phase", name="read", text=f"Reading {name} from {place}.")
    output.mkdir(parents=True)
    read_at = datetime.now(UTC).isoformat(timespec="seconds")
    limits = from_database.Limits(**(job.spec.get("limits") or {}))
    known = from_database.fetch(access, source, output / ORIGINAL, journal, limits)
    spec = {**job.spec, "source": {**source, "kind": access.kind, "read_at": read_at}}
    return take_in.take_in(output / ORIGINAL, name, output, journal, spec, before=known)


def taken_in(
    archive: Path, name: str, output: Path, journal: Journal, spec: dict[str, Any]
) -> dict[str, Any]:
    """The dataset's facts. What `auto` means, the file's bytes decide. Raises BadJob, Refused."""
    from recipes.data import intake
    from recipes.data.tables import take_in as tables
    from recipes.data.tables.reading import reading

    kind = spec.get("kind", "auto")
    if kind not in KINDS_OF_DATA:
        known = ", ".join(KINDS_OF_DATA)
        raise BadJob(f"Data of the kind {kind!r} cannot be imported. Known: {known}.")
    images = kind == "images"
    if kind == "auto":
        read = reading(spec.get("read") or {})
        images = tables.look(archive, name, read).format == "images"
    if images:
        return intake.take_in(archive, name, output, journal)
    return tables.take_in(archive, name, output, journal, spec)


def clear(output: Path) -> None:
    """What an earlier run of the same folder left."""
    import shutil

    shutil.rmtree(output, ignore_errors=True)


KIND = Kind(name="import", label="Import", torch=False, quick=True, run=run)
