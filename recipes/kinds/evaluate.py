"""Evaluate: a bundle and data with the truth go in, how good it is now and what moved come out."""

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
        from recipes.engine.tabular.evaluating import evaluate_table

        return evaluate_table(job, folder, peers)
    from recipes.engine.evaluating import evaluate_pictures

    return evaluate_pictures(job, folder, peers)


KIND = Kind(name="evaluate", label="Evaluate", torch=True, quick=False, run=run)
