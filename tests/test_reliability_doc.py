"""docs/reliability.md: each test that a promise names is there, each time is the code's own."""

import ast
import importlib
import re
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest
from django.conf import settings

from tests.product import ROOT
from trackside.config import env

TEXT = (ROOT / "docs" / "reliability.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", TEXT)))
TIMES = sorted(set(re.findall(r"`([a-z_.]+)\.([A-Z_]+)` = ([\d.]+)", TEXT)))


@cache
def found_in(path: Path) -> set[str]:
    """The tests that pytest would find in this file."""
    tree = ast.parse(path.read_text())
    return {one.name for one in tree.body if isinstance(one, ast.FunctionDef)}


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_a_named_test_is_there(file: str, name: str) -> None:
    path = ROOT / file
    assert path.is_file(), f"{file} is not there"
    assert name in found_in(path), f"{file} has no {name}"


def rows(section: str) -> list[list[str]]:
    """The cells of the tables below a heading."""
    body = TEXT.split(f"## {section}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in body.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


@pytest.mark.parametrize(
    "section", ["What we promise", "How soon it is noticed", "What is lost at most"]
)
def test_no_promise_is_without_a_test(section: str) -> None:
    found = rows(section)
    assert len(found) > 5
    for row in found:
        assert "::test_" in row[-1], row[0]


@pytest.mark.parametrize(("module", "name", "value"), TIMES)
def test_a_named_time_is_the_codes_own(module: str, name: str, value: str) -> None:
    if module == "settings":
        there = getattr(settings, name)
    else:
        known = module.split(".")[0] in ("recipes", "workers")
        there = getattr(importlib.import_module(module if known else f"trackside.{module}"), name)
    seconds = there.total_seconds() if isinstance(there, timedelta) else float(there)
    assert seconds == float(value), f"{module}.{name} is {seconds:g}"


def test_rows_of_who_stands_still_are_free_before_its_lease_ends() -> None:
    assert min(settings.LEASE_SECONDS, settings.LOST_SECONDS) > env.STANDS_STILL + 10
    asked = env._postgres("postgres://a@b/c")["OPTIONS"]
    assert f"idle_in_transaction_session_timeout={env.STANDS_STILL}s" in str(asked)


def test_times_are_named_at_all() -> None:
    assert len(TIMES) > 8
