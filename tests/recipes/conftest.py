"""What holds for every test of the recipes."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from recipes import gang
from recipes.sql.access import Access
from tests.recipes.databases import KINDS, database


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


@pytest.fixture(scope="session", params=KINDS)
def written_to(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Access]:
    """A database of each kind, which tests make empty for themselves."""
    with database(request.param, tmp_path_factory.mktemp("base")) as found:
        yield found
