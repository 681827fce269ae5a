"""The peer of `table_scoring`: a table scored as one does with pandas and XGBoost.

python bench/table_peer.py HOW TABLE.parquet MODEL OUT.parquet THREADS, where HOW is

- native: one DataFrame, its texts as pandas' categories, a DMatrix with enable_categorical
- encoded: the very columns and the very model of Trackside's bundle; a million rows at a time, for
  all at once they need several times the memory of this machine

`native train` in place of the arguments makes its model. Prints wall and CPU seconds from the first
byte read to the last one written, and the most memory that the process had.
"""

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import xgboost

CHUNK = 1_000_000
SETTINGS = {"objective": "binary:logistic", "max_depth": 6, "learning_rate": 0.1, "max_bin": 256}


def moments(column: pd.Series, name: str) -> dict[str, Any]:
    at = column.dt
    parts = {"year": at.year, "month": at.month, "day": at.day, "weekday": at.dayofweek}
    parts |= {"hour": at.hour}
    days = (column - pd.Timestamp(0)) / pd.Timedelta(days=1)
    return {f"{name}: {part}": one.astype("float32") for part, one in parts.items()} | {
        f"{name}: days": days.astype("float32")
    }


def native(frame: pd.DataFrame, kinds: dict[str, list[str] | None]) -> pd.DataFrame:
    """`kinds`: for each column its categories, None for a number or a date."""
    made: dict[str, Any] = {}
    for name, known in kinds.items():
        column = frame[name]
        if known is not None:
            made[name] = pd.Categorical(column, categories=known)
        elif pd.api.types.is_datetime64_any_dtype(column):
            made |= moments(column, name)
        else:
            made[name] = column.astype("float32")
    return pd.DataFrame(made)


def encoded(frame: pd.DataFrame, encoder: list[dict[str, Any]]) -> pd.DataFrame:
    """One column a category, then one for missing and one for the rest, as the encoder has them."""
    parts: list[pd.DataFrame] = []
    for one in encoder:
        column, known = frame[one["name"]], one["learned"].get("categories")
        if known is not None:
            names = [*known, "\0missing", "\0other"]
            there = column.where(column.isin(known) | column.isna(), names[-1])
            codes = pd.Categorical(there.fillna(names[-2]), categories=names)
            dummies = pd.get_dummies(codes, dtype="float32")
            keep = len(known) + 1 + bool(one["learned"]["other"])
            parts.append(dummies.iloc[:, :keep])
        elif one["handling"]["type"] == "datetime":
            parts.append(pd.DataFrame(moments(column, one["name"])))
        else:
            parts.append(column.astype("float32").to_frame())
    return pd.concat([part.reset_index(drop=True) for part in parts], axis=1)


def said(frame: pd.DataFrame, proba: Any, classes: list[str], threshold: float) -> pd.DataFrame:
    frame["prediction"] = np.where(proba >= threshold, classes[1], classes[0])
    for name, values in zip(classes, (1 - proba, proba), strict=True):
        frame[f"proba_{name}"] = values
    return frame


def train(table: str, target: str, out: str, rounds: int) -> None:
    frame = pd.read_parquet(table)
    texts = frame.drop(columns=target).select_dtypes("str").columns
    kinds: dict[str, list[str] | None] = {
        name: sorted(frame[name].dropna().unique()) if name in texts else None
        for name in frame.columns.drop(target)
    }
    classes = sorted(frame[target].unique())
    data = xgboost.DMatrix(
        native(frame, kinds), (frame[target] == classes[1]).astype(int), enable_categorical=True
    )
    xgboost.train(SETTINGS, data, rounds).save_model(f"{out}/model.ubj")
    about = {"kinds": kinds, "classes": classes, "threshold": 0.5}
    Path(f"{out}/about.json").write_text(json.dumps(about))


def score_native(table: str, model: str, out: str, threads: int) -> None:
    about = json.loads(Path(f"{model}/about.json").read_text())
    booster = xgboost.Booster({"nthread": threads}, model_file=f"{model}/model.ubj")
    frame = pd.read_parquet(table)
    data = xgboost.DMatrix(native(frame, about["kinds"]), enable_categorical=True, nthread=threads)
    made = said(frame, booster.predict(data), about["classes"], about["threshold"])
    made.to_parquet(out, compression="zstd")


def score_encoded(table: str, model: str, out: str, threads: int) -> None:
    encoder = json.loads(Path(f"{model}/encoder.json").read_text())
    about = json.loads(Path(f"{model}/model.json").read_text())
    booster = xgboost.Booster({"nthread": threads}, model_file=f"{model}/model.ubj")
    writer = None
    for batch in pq.ParquetFile(table).iter_batches(batch_size=CHUNK):
        frame = batch.to_pandas()
        matrix = encoded(frame, encoder).to_numpy()
        given = booster.predict(xgboost.DMatrix(matrix, nthread=threads))
        made = pa.Table.from_pandas(said(frame, given, about["classes"], about["threshold"]))
        writer = writer or pq.ParquetWriter(out, made.schema, compression="zstd")
        writer.write_table(made)
    assert writer is not None
    writer.close()


if __name__ == "__main__":
    if sys.argv[2] == "train":
        train(*sys.argv[3:6], rounds=int(sys.argv[6]))
        sys.exit()
    pa.set_cpu_count(int(sys.argv[5]))
    score = {"native": score_native, "encoded": score_encoded}[sys.argv[1]]
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    wall, cpu = time.perf_counter(), time.process_time()
    score(*sys.argv[2:5], threads=int(sys.argv[5]))
    told = {
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "base": base,
    }
    print(json.dumps(told))
