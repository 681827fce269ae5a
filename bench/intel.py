"""Fits with and without Intel's extension, in pairs, of adult's rows.

Each fit is a learner's whole fit, the proof of the conversion included; in each pair both have the
same rows. Wall and CPU seconds: on cores that others use only the latter can be compared.

    python -m bench.intel [ROWS]

with ROWS only the cases of at most so many.
"""

import sys
import time
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pv

from bench.real_tables import DATA, here
from recipes import extras
from recipes.algorithms import ALGORITHMS
from recipes.learners.learner import Matrix, Rows, Setup, Told

PAIRS = 3
CASES = (  # algorithm, classes, rows, params
    ("svm", 2, 4000, {}),
    ("svm", 2, 8000, {}),
    ("svm", 2, 26_000, {}),
    ("svm", 2, 8000, {"kernel": "linear"}),
    ("svm", 0, 8000, {}),
    ("ridge", 0, 26_000, {}),
    ("ridge", 0, 325_000, {}),
)


def main(most: int | None = None) -> int:
    if not here():
        print("intel: skipped, it needs ../shared/data")
        return 0
    if not extras.installed("intel"):
        print(f"intel: skipped, it needs Intel's extension: {extras.remedy('intel')}")
        return 0
    matrix, income = _encoded(pv.read_csv(DATA / "adult.csv"))
    for name, classes, rows, params in CASES:
        if most is not None and rows > most:
            continue
        times = -(-rows // len(matrix))
        given = np.concatenate([matrix] * times)[:rows]
        target = np.concatenate([income] * times)[:rows] if classes else given[:, 0] + given[:, -1]
        seconds: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
        for _ in range(PAIRS):
            for intel in (False, True):
                seconds[intel].append(
                    _fit(name, classes, given, target, {**params, "intel": intel})
                )
        both = "; ".join(
            f"{'intel' if intel else 'plain'} wall {wall:.2f} cpu {cpu:.2f}"
            for intel, (wall, cpu) in ((one, np.median(all_, 0)) for one, all_ in seconds.items())
        )
        print(f"intel: {name} {classes} {rows:,} {params}: {both}", flush=True)
    return 0


def _fit(
    name: str, classes: int, matrix: Matrix, target: Any, params: dict[str, Any]
) -> tuple[float, float]:
    card = ALGORITHMS[name]
    names = [str(place) for place in range(matrix.shape[1])]
    setup = Setup(
        classes=classes, params=card.params.clean(params), seed=1, threads=1, device="cpu",
        names=names,
    )  # fmt: skip
    assert card.learner is not None
    learner = card.learner(setup)
    wall, cpu = time.perf_counter(), time.process_time()
    learner.fit(Rows(matrix, target.astype(np.float64), None), None, Told())
    return time.perf_counter() - wall, time.process_time() - cpu


def _encoded(table: pa.Table) -> tuple[Matrix, Any]:
    """A column for each category, numbers by their size; the last column is the target."""
    made = []
    for name in table.column_names[:-1]:
        values = table[name].to_numpy(zero_copy_only=False)
        if values.dtype == object:
            known, which = np.unique(values.astype(str), return_inverse=True)
            made.append(np.eye(len(known), dtype=np.float32)[which])
        else:
            made.append(((values - values.mean()) / values.std()).astype(np.float32)[:, None])
    last = table[table.column_names[-1]].to_numpy(zero_copy_only=False).astype(str)
    return np.concatenate(made, 1), np.unique(last, return_inverse=True)[1]


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:2])))
