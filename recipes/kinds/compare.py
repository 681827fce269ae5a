"""Compare: whether models differ by more than chance, on the rows that judged both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recipes.job import Job
from recipes.kinds.kind import Kind


def run(job: Job, folder: Path, peers: Any) -> None:
    from recipes.engine.comparing import compare_job

    compare_job(job, folder)


KIND = Kind(name="compare", label="Compare", torch=False, quick=True, run=run)
