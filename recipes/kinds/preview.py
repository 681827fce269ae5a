"""Preview: what augmentation does to a few pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from recipes.job import Job
from recipes.kinds.kind import Kind

if TYPE_CHECKING:
    from recipes.engine.peers import Peers


def run(job: Job, folder: Path, peers: Peers | None) -> None:
    from recipes.engine.preview import preview_job

    preview_job(job, folder)


KIND = Kind(name="preview", label="Preview", torch=True, quick=True, run=run)
