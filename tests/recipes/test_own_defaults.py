"""Boosted trees on adult with our defaults: not worse than with those of their library."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recipes.engine.metrics import area, roc
from tests.recipes import tabling
from tests.recipes.making import events


def own_defaults(name: str, kinds: list[str]) -> Any:
    """The library's estimator as it comes, told of the columns' kinds: c or q."""
    if name == "xgboost":
        import xgboost

        return xgboost.XGBClassifier(
            feature_types=kinds, enable_categorical=True, n_jobs=1, random_state=0
        )
    import lightgbm

    return lightgbm.LGBMClassifier(n_jobs=1, random_state=0, verbosity=-1)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize("name", ["xgboost", "lightgbm"])
def test_boosting_is_not_worse_than_its_librarys_own_defaults(tmp_path: Path, name: str) -> None:
    table = tabling.real("adult")
    data = tabling.dataset(tmp_path / "data", table)
    folder = tabling.job(tmp_path, data, "income", algorithm=name, compute={"threads": 1})
    tabling.run(folder)
    (finished,) = events(folder, "finished")
    held = pq.read_table(folder / "bundle" / "predictions.parquet").column("number").to_numpy()
    true = np.array([one == ">50K" for one in table.column("income").to_pylist()])
    codes, kinds = [], []
    for column in table.columns[:-1]:
        text = pa.types.is_string(column.type)
        kinds.append("c" if text else "q")
        if text:
            column = column.combine_chunks().dictionary_encode().indices
        codes.append(np.asarray(column.to_numpy(zero_copy_only=False), np.float32))
    matrix = np.stack(codes, 1)
    train = np.setdiff1d(np.arange(len(true)), held)
    plain = own_defaults(name, kinds)
    told = {"categorical_feature": [n for n, one in enumerate(kinds) if one == "c"]}
    plain.fit(matrix[train], true[train], **(told if name == "lightgbm" else {}))
    theirs = area(roc(true[held].astype(np.int64), plain.predict_proba(matrix[held])[:, 1]))
    assert theirs is not None
    assert finished["metrics"]["roc_auc"] >= theirs - 0.0005
