"""The order of the files that several processes take names files that there are."""

from pathlib import Path

import pytest

from tests.order import APART, LONG, TOGETHER, together, turn

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("place", sorted({*APART, *LONG, *TOGETHER}))
def test_what_is_named_is_there(place: str) -> None:
    assert (ROOT / place).exists()


@pytest.mark.parametrize(
    ("nodeid", "where"),
    [
        ("tests/browser/test_tables.py::test_a", "tests/browser/"),
        ("tests/browser/test_fleet.py::test_a", "tests/browser/test_fleet.py"),
        ("tests/test_house.py::test_a[x::y]", "tests/test_house.py"),
    ],
)
def test_files_that_share_what_they_start_are_taken_together(nodeid: str, where: str) -> None:
    assert together(nodeid) == where


def test_long_files_come_first_and_the_many_short_ones_last() -> None:
    names = ["tests/web/test_shell.py", "tests/workers/test_x.py", "tests/test_backup.py",
             "tests/browser/test_tables.py"]  # fmt: skip
    assert sorted(names, key=turn) == names[::-1]
