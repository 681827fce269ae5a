"""Libraries that not every node has: what installs them, and how a node is asked."""

import re
from importlib import metadata

import pytest

from recipes import extras
from recipes.algorithms import ALGORITHMS
from recipes.engine.facts import versions_of
from recipes.scorers import SCORERS
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


def test_extras_stand_in_one_environment_but_for_those_of_which_one_is_enough() -> None:
    asked: dict[str, dict[str, str]] = {}  # package: version of each extra
    for lock in FILES.glob("*.txt"):
        for package, version in pins(lock.read_text()):
            asked.setdefault(package, {})[lock.stem] = version
    apart = {tuple(sorted(by)) for by in asked.values() if len(set(by.values())) > 1}
    assert apart == {("jax-cuda", "rapids")}, "docs/extras.md says so"


def test_the_docs_say_which_models_a_scorer_takes() -> None:
    text = (ROOT / "docs" / "extras.md").read_text()
    told = {name: re.search(rf"^\| `{name}` \|", text, re.M) for name in extras.EXTRAS}
    assert None not in told.values()
    found = re.search(r"^\| algorithm \|.*?(?=\n\n)", text, re.M | re.S)
    assert found is not None
    heads, _, *rows = [[cell.strip() for cell in one.split("|")[1:-1]]
                       for one in found.group().splitlines()]  # fmt: skip
    scorers = SCORERS.values()
    assert heads == ["algorithm", *(one.label for one in scorers)]
    assert rows == [
        [card.label, *("yes" if name in one.algorithms else "" for one in scorers)]
        for name, card in ALGORITHMS.items()
        if any(name in one.algorithms for one in scorers)
    ]


def test_an_extra_is_known_by_any_of_its_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"tensorflow": "2.21.0", "lightgbm": "4.7.0", "jax": "0.10.2"}

    def version(name: str) -> str:
        if name not in there:
            raise metadata.PackageNotFoundError(name)
        return there[name]

    monkeypatch.setattr(extras, "version", version)
    asked = {"tensorflow", "lightgbm", "jax"}
    assert dict(extras.present(asked)) == {"lightgbm": "4.7.0"}, "the others lack what they need"
    there |= dict.fromkeys(["keras", "jaxlib", "flax", "optax"], "1")
    assert dict(extras.present(asked)) == {
        "tensorflow": "2.21.0",
        "lightgbm": "4.7.0",
        "jax": "0.10.2",
    }


@pytest.mark.parametrize(
    ("algorithm", "params", "learned"),
    [
        ("lightgbm", {}, {"lightgbm"}),
        ("xgboost", {}, {"xgboost-cu13"}),
        ("deep_mlp", {}, {"skorch", "torch"}),
        ("keras", {}, {"keras", "torch"}),
        ("jax", {}, {"jax", "jaxlib", "flax", "optax"}),
        ("ridge", {"intel": False}, {"scikit-learn"}),
        ("ridge", {"intel": True}, {"scikit-learn", "scikit-learn-intelex"}),
    ],
)
def test_a_model_keeps_the_versions_of_what_it_depends_on(
    algorithm: str, params: dict[str, bool], learned: set[str]
) -> None:
    kept = versions_of({"algorithm": algorithm, "params": params})
    assert set(kept) == {"python", "numpy", "pyarrow"} | learned
    assert all(kept[one] == metadata.version(one) for one in learned)


def test_on_a_gpu_cuml_is_among_what_a_model_depends_on() -> None:
    for name in ("svm", "random_forest"):
        card = ALGORITHMS[name]
        assert card.libraries({"intel": False}, "cuda") == ("scikit-learn", "rapids")
        assert card.libraries({"intel": False}, "cpu") == ("scikit-learn",)


@pytest.mark.parametrize("library", sorted({one.library for one in ALGORITHMS.values()} - {""}))
def test_what_an_algorithm_needs_is_here_or_cannot_be_without_a_gpu(library: str) -> None:
    assert extras.installed(library) or library == "rapids"
