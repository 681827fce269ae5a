"""Train a model: a dataset goes in, a bundle comes out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from recipes.job import Job
from recipes.kinds.kind import Kind
from recipes.tasks import data_of

if TYPE_CHECKING:
    from recipes.engine.peers import Peers


def run(job: Job, folder: Path, peers: Peers) -> None:
    if data_of(job.spec.get("task")) == "table":
        from recipes.engine.tabular.training import train_table

        return train_table(job, folder, peers)
    from recipes.engine.training import train

    return train(job, folder, peers)


KIND = Kind(name="train", label="Train", torch=True, quick=False, run=run, resumes=True)
