"""docs/train_click.md names functions that exist: a step that moved takes its line along."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOC = ROOT / "docs" / "train_click.md"
NAMED = re.findall(r"`([\w/]+\.py)::([\w.]+)`", DOC.read_text())


@cache
def definitions(path: Path) -> set[str]:
    """Top-level names and the methods of classes, as `function`, `Class` and `Class.method`."""
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{inner.name}" for inner in node.body if hasattr(inner, "name")}
    return found


def test_the_page_names_functions() -> None:
    assert len(NAMED) > 20


@pytest.mark.parametrize(("path", "name"), NAMED, ids=lambda part: str(part))
def test_a_named_function_exists(path: str, name: str) -> None:
    place = ROOT / "platform" / path if path.startswith("trackside/") else ROOT / path
    assert place.is_file(), f"docs/train_click.md: {path} is not there"
    assert name in definitions(place), f"docs/train_click.md: {path} has no {name}"


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"])
def test_links_of_the_first_pages_lead_somewhere(page: str) -> None:
    for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", (ROOT / page).read_text()):
        assert (ROOT / link).exists(), f"{page}: {link}"


def test_security_promises_name_tests_that_exist() -> None:
    for path in re.findall(r"`(tests/[\w/.]+)`", (ROOT / "SECURITY.md").read_text()):
        assert (ROOT / path).exists(), f"SECURITY.md: {path}"
