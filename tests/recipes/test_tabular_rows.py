"""The rows of a training: which take part, what each weighs, and whether they fit into memory."""

from bisect import bisect_left
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from recipes import encoded, processes
from recipes.algorithms import ALGORITHMS
from recipes.data import table as source
from recipes.data.listing import BadData
from recipes.engine.memory import OutOfMemory
from recipes.engine.tabular import design, diagnostics, figures, room, rows
from recipes.engine.tabular.rows import Ready
from recipes.job import read
from recipes.params import Number
from tests.recipes import tabling
from tests.recipes.tabling import small


def taken(home: Path, table: pa.Table, **spec: Any) -> Ready:
    folder = tabling.job(home, tabling.dataset(home / "data", table), "good", spec=spec)
    return rows.read(design.read(read(folder), "cpu"))


def test_a_row_is_dropped_where_a_value_is_missing_or_infinite(tmp_path: Path) -> None:
    sizes = np.arange(60.0)
    sizes[[3, 8]] = np.inf, -np.inf
    table = small().set_column(0, "size", pa.array(sizes).cast(pa.float64()))
    made = taken(tmp_path, table, features={"size": {"missing": "drop_rows"}})
    assert len(made.numbers) == 58
    assert np.isfinite(made.table.column("size").to_numpy()).all()


def test_rows_that_are_left_out_are_told_with_the_model_and_why(tmp_path: Path) -> None:
    sizes = [np.inf if n % 9 == 0 else None if n == 5 else n * 1.5 for n in range(60)]
    table = small().set_column(0, "size", pa.array(sizes, pa.float64()))
    data = tabling.dataset(tmp_path / "data", table)
    folder = tabling.job(tmp_path, data, "size", task="regression")
    told = diagnostics.of_rows(rows.read(design.read(read(folder), "cpu")))
    assert [text for kind, text in told if kind == "left_out"] == [
        "1 row is left out: the target 'size' is missing there.",
        "7 rows are left out: the target 'size' is infinite there.",
    ]


def test_a_class_that_no_row_judges_is_named_where_its_figures_are_unknown(tmp_path: Path) -> None:
    told = dict(diagnostics.of_rows(taken(tmp_path, small(good=["n"] * 59 + ["y"]))))
    assert "rows that judge the model is of the class 'y': ROC AUC and average" in told["unjudged"]
    assert told["imbalance"].endswith("more rows of that class are needed.")


def test_classes_are_balanced_by_the_rows_that_train(tmp_path: Path) -> None:
    table = small(days=list(range(60)), good=["n"] * 25 + ["y"] * 10 + ["n"] * 25)
    split = {"policy": "time", "train_share": 0.6, "validation_share": 0.4}
    made = taken(tmp_path, table, rebalance=True, split=split, features={"days": {"role": "time"}})
    assert made.weights is not None
    weights, labels = made.weights[made.parts.train], made.target[made.parts.train]
    assert weights[labels == 0].sum() == pytest.approx(weights[labels == 1].sum())


def test_weights_that_are_all_0_where_it_trains_are_refused(tmp_path: Path) -> None:
    table = small(days=list(range(60)), weight=[0] * 50 + [1] * 10)
    features = {"days": {"role": "time"}, "weight": {"role": "weight"}}
    with pytest.raises(BadData, match="are 0 in the rows that would train"):
        taken(tmp_path, table, split={"policy": "time"}, features=features)


def test_a_wrong_weight_is_named_by_its_row_in_the_table(tmp_path: Path) -> None:
    table = small(
        good=[None, None, *["y", "n"] * 29],
        weight=pa.array([1.0] * 20 + [None] + [1.0] * 39),
    )
    with pytest.raises(BadData, match=r"of row 21 is missing; .*1 row is wrong"):
        taken(tmp_path, table, weights="weight")


def test_whole_numbers_beyond_2_to_the_53_are_inputs_targets_and_weights(tmp_path: Path) -> None:
    large = [2**60 + one * 2**50 + 1 for one in range(60)]
    table = small(large=large, weight=large)
    folder = tabling.job(
        tmp_path, tabling.dataset(tmp_path / "data", table), "large", task="regression",
        spec={"weights": "weight", "params": {"rounds": 2}},
    )  # fmt: skip
    tabling.run(folder)
    assert (folder / "bundle" / "model.json").is_file()


def test_a_threshold_of_0_is_not_taken_for_none() -> None:
    true, given = np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]])
    assert figures.judge("two_class", true, given, 0.0)["recall"] == 1
    assert figures.judge("two_class", true, given, None)["recall"] == 0


def test_memory_is_for_each_rank_and_for_what_a_learner_makes_of_the_matrix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what one rank and single precision need, to the byte, nothing more fits."""
    data = tabling.dataset(tmp_path / "data", small())
    designs = {}
    for name in ("xgboost", "random_forest", "logistic_regression"):
        folder = tabling.job(tmp_path, data, "good", algorithm=name, name=name)
        designs[name] = design.read(read(folder), "cpu")

    def fits(memory: int, algorithm: str = "xgboost", ranks: int = 1) -> bool:
        found = designs[algorithm]
        monkeypatch.setattr(room, "free_memory", lambda: memory)
        try:
            room.check(found, source.opened(found.dataset), 2, ranks=ranks)
        except OutOfMemory:
            return False
        return True

    need = bisect_left(range(1_000_000), True, key=fits)
    assert not fits(2 * need - 1, ranks=2)
    assert fits(2 * need, ranks=2)
    assert fits(need, "random_forest")
    assert not fits(need, "logistic_regression")


@pytest.mark.parametrize("algorithm", ["deep_mlp", "ft_transformer", "keras", "jax", "mlp"])
def test_a_network_beyond_the_memory_takes_none_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, algorithm: str
) -> None:
    """Its largest would have billions of weights: the machine's other jobs would go with it."""
    bounds = {one.name: one for one in ALGORITHMS[algorithm].params.fields}
    sizes = [bounds[name] for name in ("layers", "blocks", "width") if name in bounds]
    largest = {one.name: one.maximum for one in sizes if isinstance(one, Number)}
    monkeypatch.setattr(room, "free_memory", lambda: 8 << 30)
    with pytest.raises(OutOfMemory, match="weights: to learn them takes"):
        tabling.train(tmp_path, small(), algorithm=algorithm, spec={"params": largest})


def test_memory_is_what_the_group_of_the_process_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "memory_limit", lambda: 1 << 30)
    assert room.free_memory() < 1 << 30
    monkeypatch.setattr(processes, "memory_limit", lambda: None)
    assert room.free_memory() > 0


WIDTHS = {
    "one-hot": ({"type": "category", "encoding": "onehot"}, 5, 7),
    "one-hot of many": ({"type": "category", "encoding": "onehot"}, None, 102),
    "hashed": ({"type": "category", "encoding": "hash"}, 5, 100),
    "target mean of ten classes": ({"type": "category", "encoding": "target"}, 5, 10),
    "words": ({"type": "text", "encoding": "tfidf"}, None, 100),
    "a number": ({"type": "numeric", "encoding": "onehot"}, None, 1),
}


@pytest.mark.parametrize("case", WIDTHS)
def test_the_width_of_a_column_is_foreseen(case: str) -> None:
    handling, distinct, wanted = WIDTHS[case]
    assert encoded.width({"max_categories": 100, **handling}, distinct, 10) == wanted
