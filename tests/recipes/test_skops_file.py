"""How scikit-learn's models are kept: what is trusted, and what is not imported for it."""

import subprocess
import sys

import pytest
from sklearn.utils import all_estimators

from recipes.learners.skops_file import is_estimator

LOADED = """
import sys
from recipes.learners import skops_file
print(*sorted({"cupy", "pytest", "sklearn.utils.estimator_checks"} & set(sys.modules)))
"""


def test_a_process_that_keeps_models_loads_neither_all_of_scikit_learn_nor_cupy() -> None:
    told = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, check=True)
    assert told.stdout.split() == []


def test_what_scikit_learn_would_have_listed_is_trusted() -> None:
    listed = [f"{one.__module__}.{one.__name__}" for _, one in all_estimators()]
    assert len(listed) > 100
    assert all(map(is_estimator, listed))


@pytest.mark.parametrize(
    "name",
    ["os.system", "sklearn.utils.discovery.import_module", "sklearn.base.nobody", "sklearn.x.Y",
     "sklearn.tests.test_base.MyEstimator", "Ridge", "sklearn.base.BaseEstimator",
     "sklearn.linear_model._base.LinearModel", "sklearn.linear_model._ridge._RidgeGCV",
     "sklearn.linear_model.Ridge", "sklearn.utils._mocking.CheckingClassifier", "sklearn..x.Y"],
)  # fmt: skip
def test_nothing_else_is(name: str) -> None:
    assert not is_estimator(name)


def test_a_file_has_no_module_imported_that_is_not_public() -> None:
    name = "sklearn._build_utils.version"
    sys.modules.pop(name, None)
    assert not is_estimator(f"{name}.Version")
    assert name not in sys.modules
