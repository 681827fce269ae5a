"""Score: a bundle and a dataset go in, a table of predictions comes out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from recipes.job import Job
from recipes.kinds.kind import Kind

if TYPE_CHECKING:
    from recipes.engine.peers import Peers


def run(job: Job, folder: Path, peers: Peers) -> None:
    from recipes.engine.scoring import score_job

    score_job(job, folder, peers)


KIND = Kind(name="score", label="Score", torch=True, quick=False, run=run)
