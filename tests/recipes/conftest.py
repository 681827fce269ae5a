"""What holds for every test of the recipes."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from recipes import gang


@pytest.fixture(scope="session", autouse=True)
def no_test_leads() -> Iterator[None]:
    """Who leads a gang adopts, waits for and kills what descends from it: no place for pytest."""
    here, lead = os.getpid(), gang.lead

    def elsewhere(folder: Path) -> int:
        assert os.getpid() != here, "Start a process of its own: `python -m recipes`."
        return lead(folder)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gang, "lead", elsewhere)
        yield
