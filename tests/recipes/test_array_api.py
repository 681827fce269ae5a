"""scikit-learn's linear models by torch's tensors: the CPU's here stand in for a GPU's."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.utils import get_tags

from recipes.algorithms import ALGORITHMS
from recipes.learners import array_api
from recipes.learners.learner import Learner, Rows, Setup, Told, WrongDevice

CASES = {
    "two classes": ("logistic_regression", 2, {}, False),
    "two classes, weighted": ("logistic_regression", 2, {"penalty": "none"}, True),
    "three classes": ("logistic_regression", 3, {}, True),
    "a number": ("ridge", 0, {}, False),
    "a number, weighted": ("ridge", 0, {"alpha": 0}, True),
}


def learner(name: str, classes: int, params: dict[str, Any], device: str) -> Learner:
    card = ALGORITHMS[name]
    assert card.learner
    given = card.params.clean(params)
    names = [f"x{n}" for n in range(5)]
    return card.learner(
        Setup(classes=classes, params=given, seed=1, threads=1, device=device, names=names)
    )


def rows(classes: int, weighted: bool) -> Rows:
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(400, 5)).astype(np.float32)
    value = matrix[:, 0] * 2 + matrix[:, 1] + rng.normal(size=400)
    target = np.digitize(value, [-0.5, 0.7][: classes - 1]).astype(float) if classes else value
    return Rows(matrix, target, rng.random(400) if weighted else None)


@pytest.mark.parametrize("case", CASES)
def test_by_tensors_it_learns_what_it_learns_by_arrays(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, classes, params, weighted = CASES[case]
    fitted = array_api.fitted
    given = rows(classes, weighted)
    own, other = (learner(name, classes, params, where) for where in ("cpu", "cuda"))
    own.fit(given, None, Told())
    asked: list[str] = []

    def on_tensors(model: Any, matrix: Any, target: Any, weight: Any, device: str) -> str:
        asked.append(device)
        return fitted(model, matrix, target, weight, "cpu")

    monkeypatch.setattr(array_api, "fitted", on_tensors)
    other.fit(given, given, Told())
    assert asked == ["cuda"]
    assert np.abs(own.predict(given.matrix) - other.predict(given.matrix)).max() < 1e-6
    other.save(tmp_path)
    again = learner(name, classes, params, "cpu")
    again.load(tmp_path)
    assert np.array_equal(again.predict(given.matrix), other.predict(given.matrix))


class Astray:
    """A library that answers with what it computed on the CPU."""

    coef_: Any = None

    def fit(self, matrix: Any, target: Any, sample_weight: Any = None) -> None:
        self.coef_ = torch.zeros(matrix.shape[1])


def test_where_it_learned_is_verified() -> None:
    given = rows(0, False)
    with pytest.raises(WrongDevice, match="train on meta and scikit-learn trained on cpu"):
        array_api.fitted(Astray(), given.matrix, given.target, None, "meta")


def test_what_a_gpu_cannot_is_refused() -> None:
    with pytest.raises(WrongDevice, match="'l1' learns on the CPU alone"):
        learner("logistic_regression", 2, {"penalty": "l1"}, "cuda").fit(
            rows(2, False), None, Told()
        )


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("logistic_regression", LogisticRegression),
        ("ridge", Ridge),
        ("extra_trees", ExtraTreesClassifier),
        ("hist_gradient_boosting", HistGradientBoostingClassifier),
        ("mlp", MLPClassifier),
        ("knn", KNeighborsClassifier),
    ],
)
def test_what_has_an_array_api_learns_on_a_gpu_and_nothing_else_here(name: str, made: Any) -> None:
    """docs/extras.md says why not: this fails as soon as scikit-learn has one."""
    assert get_tags(made()).array_api_support == ALGORITHMS[name].on_gpu
