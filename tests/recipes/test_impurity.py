"""What a tree knows of its rows, made anew, is what scikit-learn knew when it grew it."""

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.ensemble._forest import _generate_sample_indices

from recipes.learners.impurity import measure, send_gaps

RNG = np.random.default_rng(0)
FULL = RNG.normal(size=(900, 5)).astype(np.float32)
GAPS = np.where(RNG.random(FULL.shape) < 0.1, np.float32(np.nan), FULL)
AIM = {3: RNG.integers(0, 3, 900), 0: FULL[:, 0] * 3 + RNG.normal(size=900)}
WEIGHT = RNG.random(900) + 0.1
KNOWN = ("impurity", "n_node_samples", "weighted_n_node_samples")


def forest(classes: int, matrix: Any = GAPS, weight: Any = None, **more: Any) -> Any:
    kind = RandomForestClassifier if classes else RandomForestRegressor
    settings = {"max_features": "sqrt", "min_samples_leaf": 2, "random_state": 1, **more}
    return kind(6, **settings).fit(matrix, AIM[classes], sample_weight=weight)


def forgotten(tree: Any) -> dict[str, Any]:
    """What it knew: as from another library it knows nothing of it any more."""
    known = {name: getattr(tree, name).copy() for name in KNOWN}
    tree.impurity[:] = tree.weighted_n_node_samples[:] = np.nan
    tree.n_node_samples[:] = -1
    return known


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["alike", "weighed"])
@pytest.mark.parametrize("classes", [3, 0])
def test_trees_of_all_rows_have_the_importances_that_scikit_learn_has(
    classes: int, weight: Any
) -> None:
    made = forest(classes, weight=weight, bootstrap=False)
    own = made.feature_importances_
    for one in made.estimators_:
        known = forgotten(one.tree_)
        measure(one.tree_, GAPS, AIM[classes], weight, classes)
        for name, value in known.items():
            np.testing.assert_allclose(getattr(one.tree_, name), value, rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(made.feature_importances_, own, rtol=1e-9)


@pytest.mark.parametrize("classes", [3, 0])
def test_trees_of_drawn_rows_have_them_from_the_rows_that_each_drew(classes: int) -> None:
    made = forest(classes)
    own = made.feature_importances_
    for one in made.estimators_:
        drawn = np.bincount(_generate_sample_indices(one.random_state, 900, 900, None))
        drawn = np.pad(drawn, (0, 900 - len(drawn))).astype(float)
        known = forgotten(one.tree_)
        measure(one.tree_, GAPS, AIM[classes], drawn, classes)
        np.testing.assert_allclose(one.tree_.impurity, known["impurity"], rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(made.feature_importances_, own, rtol=1e-9)


def test_missing_values_go_where_scikit_learn_sends_them() -> None:
    matrix = GAPS.copy()
    matrix[:, :3] = FULL[:, :3]
    made = forest(3, matrix, bootstrap=False)
    for one in made.estimators_:
        own = one.tree_.missing_go_to_left.copy()
        inner = one.tree_.children_left >= 0
        full = np.array([True, True, True, False, False])
        one.tree_.missing_go_to_left[inner & full[one.tree_.feature]] = 0
        send_gaps(one.tree_, full)
        np.testing.assert_array_equal(one.tree_.missing_go_to_left[inner], own[inner])
