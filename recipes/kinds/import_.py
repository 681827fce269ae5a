"""Import: an uploaded archive becomes a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from recipes.job import BadJob, Job
from recipes.kinds.kind import Kind

if TYPE_CHECKING:
    from recipes.engine.peers import Peers

KINDS_OF_DATA = ("auto", "images")


def run(job: Job, folder: Path, peers: Peers | None) -> None:
    from recipes.data.intake import take_in
    from recipes.events import Journal

    archive = Path(job.spec["archive"])
    kind = job.spec.get("kind", "auto")
    if kind not in KINDS_OF_DATA:
        raise BadJob(f"Data of the kind {kind!r} cannot be imported. Known: auto, images.")
    if not archive.is_file():
        raise BadJob(f"The uploaded file {archive.name} is gone. Upload it again.")
    journal = Journal(folder)
    output = folder / "output"
    clear(output)
    facts = take_in(archive, job.spec.get("name") or archive.name, output, journal)
    journal.write("finished", facts=facts)
    journal.close()


def clear(output: Path) -> None:
    """What an earlier run of the same folder left."""
    import shutil

    shutil.rmtree(output, ignore_errors=True)


KIND = Kind(name="import", label="Import", torch=False, quick=True, run=run)
