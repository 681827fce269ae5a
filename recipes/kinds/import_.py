"""Import: an uploaded table or archive becomes a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from recipes.job import BadJob, Job
from recipes.kinds.kind import Kind

if TYPE_CHECKING:
    from recipes.engine.peers import Peers
    from recipes.events import Journal

KINDS_OF_DATA = ("auto", "images", "table")


def run(job: Job, folder: Path, peers: Peers | None) -> None:
    from recipes.events import Journal

    archive = Path(job.spec["archive"])
    if not archive.is_file():
        raise BadJob(f"The uploaded file {archive.name} is gone. Upload it again.")
    journal = Journal(folder)
    output = folder / "output"
    clear(output)
    name = job.spec.get("name") or archive.name
    facts = taken_in(archive, name, output, journal, job.spec)
    journal.write("finished", facts=facts)
    journal.close()


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
