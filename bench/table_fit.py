"""What training boosted trees through Trackside costs beside calling the library: CPU seconds of a
fit, of XGBoost, of LightGBM and, where it is installed, of CatBoost, which has no limit to keep:
the library itself asks for more with each round of a training that can be stopped.

Both get the same encoded matrix of a real table, the same params and one thread, fit in turn in one
process, and must end with the same trees. Theirs is what its documentation shows: its own
matrix, the validation rows to watch, early stopping. Ours tells each round to a job's journal,
looks for an order to stop between two rounds, and keeps the training loss too.
"""

import sys
import tempfile
import time
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import xgboost
from threadpoolctl import threadpool_limits

from bench.real_tables import REAL, Real, here, imported, middle, spec_of
from recipes.algorithms import ALGORITHMS
from recipes.data.encode import learn
from recipes.data.table import spread
from recipes.engine.tabular import course, rows
from recipes.engine.tabular import design as designs
from recipes.engine.tabular.fitting import Fit
from recipes.events import Journal
from recipes.job import Compute, Job
from recipes.learners import leafwise, symmetric
from recipes.learners.boosted import LOSSES, PASSED_ON
from recipes.learners.learner import Learner, Rows, Setup, Told

ROUNDS, WANTED = 15, 1.05
HELD = ("xgboost", "lightgbm")  # to what is wanted
TABLES = [one for one in REAL if one.name in ("adult", "diamonds")]


def main(turns: int = ROUNDS, *libraries: str) -> int:
    if not here():
        print("table_fit: skipped, it needs ../shared/data")
        return 0
    worst = 0.0
    with tempfile.TemporaryDirectory() as place, threadpool_limits(1):
        for library in libraries or [one for one in THEIRS if find_spec(one)]:
            for one in TABLES:
                ratio = measured(Path(place) / library, one, turns, library)
                worst = max(worst, ratio if library in HELD else 0.0)
    return 0 if worst <= WANTED else 1


def measured(work: Path, one: Real, turns: int, library: str) -> float:
    folder = work / one.name
    spec = spec_of(one, imported(work, one.name), library)
    job = Job(job=1, kind="train", spec=spec, compute=Compute(threads=1))
    design = designs.read(job, "cpu")
    ready = rows.read(design)
    folder.mkdir()
    with closing(Journal(folder)) as journal:
        fit = Fit(
            job=job, folder=folder, journal=journal, design=design, ready=ready,
            course=course.of(design, 0, ()), device="cpu",
        )  # fmt: skip
        parts, classes = ready.parts, len(ready.classes)
        target = ready.target[parts.train]
        encoder, matrix = learn(
            ready.take(parts.train), design.features, spread(target, classes), seed=job.seed
        )
        setup = Setup(
            classes=classes, params=design.params, seed=job.seed, threads=1, device="cpu",
            names=encoder.outputs,
        )  # fmt: skip
        train = Rows(matrix, target, None)
        held = Rows(encoder.transform(ready.take(parts.val)), ready.target[parts.val], None)
        made = [_pair(fit, setup, (train, held), turn, library) for turn in range(turns + 1)]
        pairs = made[1:]
    for name, at in (("ours", 0), (f"{library}.train", 1)):
        print(f"table_fit: {one.name}, {name} {_told([pair[at] for pair in pairs])} CPU seconds")
    ratio = middle([ours / theirs for ours, theirs in pairs])
    wanted = f" (wanted: at most {WANTED})" if library in HELD else ""
    print(
        f"table_fit: {library}, {one.name} ({len(matrix):,} rows, {matrix.shape[1]} columns), "
        f"ratio {ratio[0]:.3f} [{ratio[1]:.3f} to {ratio[2]:.3f}]{wanted}",
        flush=True,
    )
    return ratio[0]


def _pair(
    fit: Fit, setup: Setup, parts: tuple[Rows, Rows], turn: int, library: str
) -> tuple[float, float]:
    """CPU seconds of ours and of theirs; who is first changes from turn to turn."""
    train, held = parts
    learner = _learner(library, setup)

    def ours() -> Any:
        learner.fit(train, held, Told(fit.tell, fit.ended))
        return learner.predict(held.matrix)

    def theirs() -> Any:
        return THEIRS[library](setup, train, held)

    took: dict[Any, float] = {}
    given: dict[Any, Any] = {}
    for call in (ours, theirs) if turn % 2 else (theirs, ours):
        fit.history = []
        began = time.process_time()
        given[call] = call()
        took[call] = time.process_time() - began
    made = given[ours][:, 1] if setup.classes == 2 else given[ours]
    np.testing.assert_allclose(made, given[theirs], rtol=1e-4)
    return took[ours], took[theirs]


def _learner(library: str, setup: Setup) -> Learner:
    build = ALGORITHMS[library].learner
    assert build is not None
    return build(setup)


def _xgboost(setup: Setup, train: Rows, held: Rows) -> Any:
    params = {name: setup.params[name] for name in PASSED_ON}
    two = {"objective": "binary:logistic", "eval_metric": "logloss"}
    number = {"objective": LOSSES[setup.params["loss"]], "eval_metric": "rmse"}
    params |= {"nthread": 1, "seed": setup.seed, **(two if setup.classes else number)}
    bins = setup.params["max_bin"]
    data = xgboost.QuantileDMatrix(train.matrix, label=train.target, max_bin=bins, nthread=1)
    judge = xgboost.QuantileDMatrix(
        held.matrix, label=held.target, max_bin=bins, nthread=1, ref=data
    )
    stop = xgboost.callback.EarlyStopping(rounds=setup.params["patience"], save_best=True)
    booster = xgboost.train(
        params, data, num_boost_round=setup.params["rounds"], evals=[(judge, "validation")],
        verbose_eval=False, callbacks=[stop],
    )  # fmt: skip
    return booster.predict(xgboost.DMatrix(held.matrix, nthread=1))


def _lightgbm(setup: Setup, train: Rows, held: Rows) -> Any:
    params = {theirs: setup.params[ours] for ours, theirs in leafwise.PASSED_ON.items()}
    two = {"objective": "binary", "metric": "binary_logloss"}
    number = {"objective": "regression", "metric": "rmse"}
    params |= {"num_threads": 1, "verbosity": -1, "seed": setup.seed}
    params |= two if setup.classes else number
    data = lightgbm.Dataset(train.matrix, label=train.target)
    judge = lightgbm.Dataset(held.matrix, label=held.target, reference=data)
    stop = lightgbm.early_stopping(setup.params["patience"], verbose=False)
    rounds = setup.params["rounds"]
    booster = lightgbm.train(params, data, rounds, valid_sets=[judge], callbacks=[stop])
    return booster.predict(held.matrix, num_threads=1)


def _catboost(setup: Setup, train: Rows, held: Rows) -> Any:
    import catboost  # an extra: not every node has it

    params = {theirs: setup.params[ours] for ours, theirs in symmetric.PASSED_ON.items()}
    params |= {"bootstrap_type": "Bernoulli", "subsample": setup.params["subsample"]}
    params |= {"loss_function": "Logloss" if setup.classes else "RMSE", "thread_count": 1}
    params |= {"random_seed": setup.seed, "verbose": False, "allow_writing_files": False}
    data = catboost.Pool(train.matrix, train.target)
    judge = catboost.Pool(held.matrix, held.target)
    model = catboost.CatBoost(params)
    model.fit(data, eval_set=judge, early_stopping_rounds=setup.params["patience"])
    kind = "Probability" if setup.classes else "RawFormulaVal"
    made = model.predict(held.matrix, prediction_type=kind, thread_count=1)
    return made[:, 1] if setup.classes else made


THEIRS = {"xgboost": _xgboost, "lightgbm": _lightgbm, "catboost": _catboost}


def _told(values: list[float]) -> str:
    return f"{np.median(values):.2f} [{min(values):.2f} to {max(values):.2f}]"


if __name__ == "__main__":
    sys.exit(main(*(int(one) for one in sys.argv[1:2]), *sys.argv[2:]))
