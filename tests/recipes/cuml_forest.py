"""A double of cuML 26.10.0's forests and of what they use of CuPy: scikit-learn grows the trees.

They are written into a model of Treelite as cuML's own C++ writes them, Treelite's interpreter
predicts with it, and its export is the one that cuML's `as_sklearn` is made of.
"""

from types import SimpleNamespace
from typing import Any

import numpy as np
import treelite
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from treelite.model_builder import Metadata, ModelBuilder, PostProcessorFunc, TreeAnnotation

LOWEST = -3e38  # scikit-learn's trees read single precision: what is lower is no number to them
FREE = 2**34


class Forest:
    kind: Any = None
    on, shift, full = 0, 0.0, False
    seeds: list[int]
    asked: list[dict[str, Any]]

    def __init__(
        self, *, n_estimators: int, max_depth: int | None, max_features: float, n_bins: int,
        min_samples_leaf: int, min_samples_split: int, min_impurity_decrease: float,
        max_batch_size: int, random_state: int, n_streams: int, output_type: str,
    ) -> None:  # fmt: skip
        assert output_type == "cupy"
        assert 0 < max_features <= 1
        assert min(n_bins, max_batch_size, n_streams) > 0
        self.seeds.append(random_state)
        self.asked.append({"max_features": max_features, "max_batch_size": max_batch_size})
        self._own = self.kind(
            n_estimators, max_depth=max_depth, max_features=max_features,
            min_samples_leaf=min_samples_leaf, min_samples_split=min_samples_split,
            random_state=random_state,
        )  # fmt: skip

    def fit(self, rows: Any, target: Any, sample_weight: Any = None) -> None:
        if self.full:
            raise MemoryError("std::bad_alloc: out_of_memory")
        assert rows.dtype == np.float64
        assert np.isfinite(rows).all(), "it takes no missing values"
        self._own.fit(np.maximum(rows, LOWEST), target, sample_weight)
        self._model = _written(self._own)

    def _told(self, rows: Any) -> Any:
        found = np.asarray(treelite.gtil.predict(self._model, rows)) + self.shift
        device = SimpleNamespace(id=self.on)
        return SimpleNamespace(get=lambda: found.reshape(self._shape(len(rows))), device=device)

    def _shape(self, rows: int) -> tuple[int, ...]:
        return (rows,)

    def as_sklearn(self) -> Any:
        made = self.kind(max_samples=1.0)
        exported = treelite.sklearn.export_model(self._model)
        made.estimator_, made.estimators_ = exported.estimator, exported.estimators_
        made.n_outputs_, made.n_features_in_ = 1, self._own.n_features_in_
        made._n_samples = made._n_samples_bootstrap = self._own._n_samples
        return made


class Classifier(Forest):
    kind = RandomForestClassifier

    def predict_proba(self, rows: Any) -> Any:
        return self._told(rows)

    def _shape(self, rows: int) -> tuple[int, ...]:
        return (rows, max(2, self._own.n_classes_))

    def as_sklearn(self) -> Any:
        made = super().as_sklearn()
        made.classes_, made.n_classes_ = self._own.classes_, self._own.n_classes_
        for one in made.estimators_:
            one.classes_ = np.arange(made.n_classes_, dtype=np.float64)
            one.n_classes_ = made.n_classes_
        return made


class Regressor(Forest):
    kind = RandomForestRegressor

    def predict(self, rows: Any) -> Any:
        return self._told(rows)


def modules(free: int = FREE) -> dict[str, Any]:
    """`cuml.ensemble` and `cupy`."""
    own = {"seeds": [], "asked": []}
    kinds = {
        "RandomForestClassifier": type("RandomForestClassifier", (Classifier,), dict(own)),
        "RandomForestRegressor": type("RandomForestRegressor", (Regressor,), dict(own)),
    }
    runtime = SimpleNamespace(memGetInfo=lambda: (free, free))
    names = ("asarray", "empty", "where", "isnan", "float64")
    cupy = {name: getattr(np, name) for name in names}
    return {
        "cuml.ensemble": SimpleNamespace(**kinds),
        "cupy": SimpleNamespace(**cupy, cuda=SimpleNamespace(runtime=runtime)),
    }


def _written(forest: Any) -> Any:
    """By randomforest.cu, build_treelite_forest, and decisiontree.cuh, build_treelite_tree."""
    trees = [one.tree_ for one in forest.estimators_]
    outputs = max(2, forest.n_classes_) if hasattr(forest, "classes_") else 1
    made = ModelBuilder(
        threshold_type="float64",
        leaf_output_type="float64",
        metadata=Metadata(
            num_feature=forest.n_features_in_,
            task_type="kMultiClf" if outputs > 1 else "kRegressor",
            average_tree_output=True,
            num_target=1,
            num_class=[outputs],
            leaf_vector_shape=(1, outputs),
        ),
        tree_annotation=TreeAnnotation(
            num_tree=len(trees),
            target_id=[0] * len(trees),
            class_id=[-1 if outputs > 1 else 0] * len(trees),
        ),
        postprocessor=PostProcessorFunc(name="identity_multiclass" if outputs > 1 else "identity"),
        base_scores=[0.0] * outputs,
    )
    for tree in trees:
        made.start_tree()
        for node in range(tree.node_count):
            made.start_node(node)
            _write(made, tree, node, outputs)
            made.data_count(int(tree.weighted_n_node_samples[node]))
            made.end_node()
        made.end_tree()
    return made.commit()


def _write(made: Any, tree: Any, node: int, outputs: int) -> None:
    if tree.children_left[node] < 0:
        said = tree.value[node, 0].tolist()
        made.leaf(said + [0.0] * (outputs - len(said)) if outputs > 1 else said[0])
        return
    made.numerical_test(
        int(tree.feature[node]),
        float(tree.threshold[node]),
        default_left=True,
        opname="<=",
        left_child_key=int(tree.children_left[node]),
        right_child_key=int(tree.children_right[node]),
    )
