"""Libraries that not every node has: what installs them, and how a node is asked."""

import re
from importlib import metadata

import pytest

from recipes import extras
from recipes.algorithms import ALGORITHMS
from tests.product import ROOT

FILES = ROOT / "requirements" / "extras"


def pins(lock: str) -> list[tuple[str, str]]:
    return re.findall(r"^([\w.-]+)==(\S+)", lock, re.M)


@pytest.mark.parametrize("name", extras.EXTRAS)
def test_each_has_its_lock_and_its_package_is_in_it(name: str) -> None:
    lock = (FILES / f"{name}.txt").read_text()
    assert any(f"\n{one}==" in f"\n{lock}" for one in extras.EXTRAS[name].packages)
    core = dict(pins((ROOT / "requirements" / "core.txt").read_text()))
    for package, version in pins(lock):
        assert core.get(package, version) == version, "an extra leaves what core has as it is"


def test_an_extra_is_known_by_any_of_its_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"tensorflow": "2.21.0", "lightgbm": "4.7.0"}

    def version(name: str) -> str:
        if name not in there:
            raise metadata.PackageNotFoundError(name)
        return there[name]

    monkeypatch.setattr(extras, "version", version)
    assert dict(extras.present({"tensorflow", "lightgbm", "jax"})) == there
    assert extras.installed("jax") == ""


@pytest.mark.parametrize("library", sorted({one.library for one in ALGORITHMS.values()} - {""}))
def test_what_an_algorithm_needs_is_here_or_cannot_be_without_a_gpu(library: str) -> None:
    assert extras.installed(library) or library == "rapids"
