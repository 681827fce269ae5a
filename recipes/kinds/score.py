"""Score: a bundle and a dataset go in, a table of predictions comes out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from recipes.job import BadJob, Job
from recipes.kinds.kind import Kind
from recipes.tasks import data_of

if TYPE_CHECKING:
    from recipes.engine.peers import Peers


def run(job: Job, folder: Path, peers: Peers) -> None:
    from recipes import bundle

    if not job.spec.get("bundle"):
        raise BadJob("The job names no bundle.")
    if data_of(bundle.read_model(Path(job.spec["bundle"])).get("task")) == "table":
        from recipes.engine.tabular.scoring import score_table

        return score_table(job, folder, peers)
    from recipes.engine.scoring import score_job

    return score_job(job, folder, peers)


KIND = Kind(name="score", label="Score", torch=True, quick=False, run=run)
