"""A support vector machine on a GPU: what is proved around cuML, whose place a double takes."""

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import sklearn.svm

from recipes.algorithms import ALGORITHMS
from recipes.learners import on_cuml
from recipes.learners.array_api import GpuTooSmall
from recipes.learners.converted import Unlike
from recipes.learners.learner import Rows, Setup, Told, WrongDevice

MATRIX = np.random.default_rng(0).normal(size=(300, 3)).astype(np.float32)
AIM = {2: MATRIX[:, 0] > MATRIX[:, 1], 3: np.arange(300) % 3, 0: MATRIX[:, 0] * 2}


class Double:
    """What cuML 26.10.0 offers of what is used; scikit-learn computes."""

    known: tuple[str, ...] = ("C", "kernel", "degree", "gamma", "coef0", "tol", "max_iter")
    kind: Any = sklearn.svm.SVC
    on, shift, full = 0, 0.0, False

    def __init__(self, *, cache_size: float, output_type: str, **params: Any) -> None:
        assert output_type == "cupy"
        assert set(params) == set(self.known)
        self._own = self.kind(**params)

    def fit(self, matrix: Any, target: Any, sample_weight: Any = None) -> None:
        if self.full:
            raise MemoryError("std::bad_alloc: out_of_memory")
        self._own.fit(matrix, target, sample_weight)
        self.dual_coef_ = SimpleNamespace(device=SimpleNamespace(id=self.on))

    def _asked(self, name: str, rows: Any) -> Any:
        found = getattr(self._own, name)(rows) + self.shift
        return SimpleNamespace(get=lambda: found)

    def as_sklearn(self) -> Any:
        return self._own


class Classes(Double):
    def decision_function(self, rows: Any) -> Any:
        return self._asked("decision_function", rows)


class Numbers(Double):
    known = (*Double.known, "epsilon")
    kind = sklearn.svm.SVR

    def predict(self, rows: Any) -> Any:
        return self._asked("predict", rows)


@pytest.fixture
def cuml(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    svm = SimpleNamespace(SVC=Classes, SVR=Numbers)
    monkeypatch.setitem(sys.modules, "cuml.svm", svm)  # type: ignore[arg-type]
    monkeypatch.setattr(on_cuml.extras, "installed", lambda name: "26.10.0")
    return monkeypatch


def fitted(classes: int, device: str, told: Told) -> Any:
    card = ALGORITHMS["svm"]
    assert card.learner is not None
    setup = Setup(
        classes=classes, params=card.params.clean({}), seed=1, threads=1, device=device,
        names=["a", "b", "c"],
    )  # fmt: skip
    learner = card.learner(setup)
    learner.fit(Rows(MATRIX, np.asarray(AIM[classes], np.float64), None), None, told)
    return learner


@pytest.mark.parametrize(("classes", "rows"), [(2, 271), (0, 300)])
def test_what_it_learned_predicts_as_scikit_learns_own(
    cuml: pytest.MonkeyPatch, classes: int, rows: int
) -> None:
    told = Told()
    there, here = fitted(classes, "cuda", told), fitted(classes, "cpu", Told())
    said = f"cuML learned this; scikit-learn predicts as it did, on {rows} rows."
    assert told.notes == [said]
    assert there.facts()["device"] == "cuda:0"
    assert type(there._model).__module__.startswith("sklearn.")
    np.testing.assert_allclose(there.predict(MATRIX), here.predict(MATRIX))


def test_one_that_predicts_otherwise_is_no_model(cuml: pytest.MonkeyPatch) -> None:
    cuml.setattr(Double, "shift", 0.01)
    with pytest.raises(Unlike, match=r"of cuML that it was made from, by up to 0\.01"):
        fitted(2, "cuda", Told())


def test_what_it_cannot_is_said(cuml: pytest.MonkeyPatch) -> None:
    with pytest.raises(WrongDevice, match="several classes"):
        fitted(3, "cuda", Told())
    cuml.setattr(Double, "full", True)
    with pytest.raises(GpuTooSmall, match="271 rows of 3 numbers"):
        fitted(2, "cuda", Told())
    cuml.setattr(on_cuml.extras, "installed", lambda name: "")
    with pytest.raises(WrongDevice, match="make extras NAMES=rapids"):
        fitted(2, "cuda", Told())


def test_the_cpu_asks_nothing_of_it() -> None:
    assert "cuml.svm" not in sys.modules
    assert fitted(2, "cpu", Told()).facts()["device"] == "cpu"
    assert "cuml.svm" not in sys.modules
