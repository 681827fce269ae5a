"""Explain: what a model sees in a picture, or why it predicts a row of a table as it does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from recipes.job import Job
from recipes.kinds.kind import Kind

if TYPE_CHECKING:
    from recipes.engine.peers import Peers


def run(job: Job, folder: Path, peers: Peers) -> None:
    if "ask" in job.spec:  # a table's
        from recipes.engine.tabular.explain import explain_table

        return explain_table(job, folder)
    from recipes.engine.explain import explain_job

    return explain_job(job, folder, peers.device)


KIND = Kind(name="explain", label="Explain", torch=True, quick=True, run=run)
