"""Intel's extension learns, and the model is scikit-learn's own: it predicts the same without."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn.svm

from recipes.algorithms import ALGORITHMS
from recipes.learners import intel
from recipes.learners.converted import Unlike
from recipes.learners.learner import Rows, Setup, Told
from recipes.learners.scikit import FILE, TRUSTED
from tests.recipes import tabling

CARDS = [one for one in ALGORITHMS.values() if one.asks == ("intel", True, "intel")]
TASKS = [(one.name, task) for one in CARDS for task in one.tasks]
BARE = """
import sys
sys.modules["sklearnex"] = sys.modules["daal4py"] = sys.modules["onedal"] = None
import numpy as np, skops.io
for folder in sys.argv[1:]:
    model = skops.io.load(f"{folder}/FILE", trusted=TRUSTED)["model"]
    found = getattr(model, "decision_function", model.predict)(np.load(f"{folder}/rows.npy"))
    assert np.array_equal(found, np.load(f"{folder}/told.npy")), f"{folder} predicts otherwise"
"""


def rows(task: str, count: int = 400, *, weighed: bool = False) -> Rows:
    """Numbers of adult.csv; for two classes its own target."""
    table = tabling.real("adult").slice(0, count)
    names = ("age", "education-num", "hours-per-week", "capital-gain")
    there = [one for one in table.column_names if one.replace("_", "-").replace(".", "-") in names]
    matrix = np.stack([table[name].to_numpy().astype(np.float32) for name in there], 1)
    matrix = (matrix - matrix.mean(0)) / (matrix.std(0) + 1e-6)
    income = np.unique(table["income"].to_numpy(zero_copy_only=False), return_inverse=True)[1]
    target = {"two_class": income, "multiclass": income + (matrix[:, 0] > 0), "regression": 0}[task]
    aim = matrix[:, 0] * 3 + matrix[:, 1] if task == "regression" else target
    weight = 1.0 + (np.arange(count) % 3) if weighed else None
    return Rows(matrix, np.asarray(aim, np.float64), weight)


def fitted(name: str, task: str, told: Told, given: Rows, **params: Any) -> Any:
    card = ALGORITHMS[name]
    classes = {"two_class": 2, "multiclass": 3, "regression": 0}[task]
    made = card.params.clean({"intel": True, **params})
    names = [f"c{place}" for place in range(given.matrix.shape[1])]
    assert card.learner is not None
    setup = Setup(classes=classes, params=made, seed=1, threads=1, device="cpu", names=names)
    learner = card.learner(setup)
    learner.fit(given, None, told)
    return learner


def test_the_accelerated_version_ran_and_the_model_is_scikit_learns(tmp_path: Path) -> None:
    folders = []
    for name, task in TASKS:
        folder = tmp_path / f"{name}-{task}"
        folder.mkdir()
        told, given = Told(), rows(task)
        learner = fitted(name, task, told, given)
        assert told.notes == ["Intel's extension learned this, by its accelerated version."]
        assert learner.facts()["accelerated"] is True
        model = learner._model
        assert type(model).__module__.startswith("sklearn.")
        learner.save(folder)
        seen = given.matrix.astype(np.float64)
        np.save(folder / "rows.npy", seen)
        told_here = getattr(model, "decision_function", model.predict)(seen)
        np.save(folder / "told.npy", told_here)
        folders.append(str(folder))
    code = BARE.replace("FILE", FILE).replace("TRUSTED", repr(TRUSTED))
    done = subprocess.run([sys.executable, "-c", code, *folders], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("name", "task"), TASKS)
def test_it_says_what_plain_scikit_learn_says_within_the_solvers_tolerance(
    name: str, task: str
) -> None:
    given = rows(task)
    both = [fitted(name, task, Told(), given, intel=one).predict(given.matrix) for one in (1, 0)]
    size = max(1.0, float(np.abs(both[1]).max()))
    assert np.abs(both[0] - both[1]).max() < 0.02 * size


def test_what_it_does_not_accelerate_is_told_and_plain_scikit_learn_learned() -> None:
    given = rows("regression", weighed=True)
    told = Told()
    learner = fitted("ridge", "regression", told, given)
    assert learner.facts()["accelerated"] is False
    assert told.notes == [
        "Intel's extension did not accelerate this: plain scikit-learn learned. It says: Sample "
        "weight is not supported."
    ]
    plain = fitted("ridge", "regression", Told(), given, intel=False)
    assert np.array_equal(learner.predict(given.matrix), plain.predict(given.matrix))


def test_nothing_of_scikit_learn_is_replaced() -> None:
    before = sklearn.svm.SVC, sklearn.get_config, sklearn.svm._base
    fitted("svm", "two_class", Told(), rows("two_class", 80))
    assert (sklearn.svm.SVC, sklearn.get_config, sklearn.svm._base) == before
    plain = fitted("svm", "two_class", Told(), rows("two_class", 80), intel=False)
    assert type(plain._model) is sklearn.svm.SVC
    assert "accelerated" not in plain.facts()


def test_a_model_that_predicts_otherwise_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    take = intel._take

    def wrong(model: Any, other: Any, state: dict[str, Any]) -> None:
        take(model, other, state)
        model.intercept_ = model.intercept_ + 0.01

    monkeypatch.setattr(intel, "_take", wrong)
    with pytest.raises(Unlike, match="Switch the extension off"):
        fitted("ridge", "regression", Told(), rows("regression"))


def test_a_machine_without_it_says_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intel.extras, "installed", lambda name: "")
    with pytest.raises(intel.NotHere, match="make extras NAMES=intel"):
        fitted("ridge", "regression", Told(), rows("regression"))


def test_on_a_gpu_it_is_off_and_that_is_told() -> None:
    for card in CARDS:
        params = card.params.clean({"intel": True})
        done = card.resolve(params, {}, {}, "cuda")
        assert (done.params["intel"], len(done.notes)) == (False, 1)
        assert card.resolve(done.params, {}, {}, "cuda").notes == []
        assert card.asked(params) == "intel"
        assert card.asked(done.params) == ""
