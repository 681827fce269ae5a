"""LightGBM: boosted trees that grow leaf by leaf, on the CPU or, by a build for CUDA, on a GPU."""

import re
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np

from recipes.learners.learner import (
    Floats,
    Learner,
    Matrix,
    Round,
    Rows,
    Setup,
    Told,
    WrongDevice,
    went_back,
)

FILE = "model.txt"
LOSSES = {"squared": ("regression", "rmse"), "absolute": ("regression_l1", "l1")}
FIRST, EACH = 10, 20  # rounds that tell the training loss: it costs a share of the fit
WIDE = 200  # columns from which on it is faster to go through them one by one
SILENT = -1  # LightGBM writes to the job's standard output otherwise
PASSED_ON = {  # ours: what LightGBM calls it
    "learning_rate": "learning_rate",
    "max_leaves": "num_leaves",
    "max_bin": "max_bin",
    "min_samples_leaf": "min_data_in_leaf",
    "min_child_weight": "min_sum_hessian_in_leaf",
    "min_split_gain": "min_gain_to_split",
    "reg_lambda": "lambda_l2",
    "reg_alpha": "lambda_l1",
    "subsample": "bagging_fraction",
    "colsample_bytree": "feature_fraction",
    "colsample_bynode": "feature_fraction_bynode",
}
NO_SPLIT = (
    "No tree found a split, so that each row gets the same prediction: the columns say nothing of "
    "the target, or 'Minimum samples per leaf' is too large for these rows."
)


def build(setup: Setup) -> Learner:
    return Leafwise(setup)


class Leafwise:
    """A booster and what it was set up with."""

    file = FILE

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._booster: Any = None
        self._before = 0  # trees that it went on from
        self._best = 0  # rounds of its own fit that made what is kept; in some no tree grew
        self._device = ""

    def fit(self, train: Rows, validation: Rows | None, told: Told) -> None:
        params = self._setup.params
        settings, self._before = self._settings(), self._rounds()
        data = _data(train, settings)
        held = [] if validation is None else [_data(validation, settings, like=data)]
        early = held and params["early_stopping"]
        patience = params["patience"] if early else None
        hears = _Hears(told, params["rounds"], patience, drawn=_drawn(params))
        try:
            booster = lightgbm.train(
                settings,
                data,
                num_boost_round=params["rounds"],
                valid_sets=held,
                valid_names=["validation"][: len(held)],
                init_model=self._booster,
                callbacks=[hears],
            )
        except lightgbm.basic.LightGBMError as wrong:
            raise _sentence(wrong, self._setup.device) from None
        self._device = trained_on(booster)
        if self._device != self._setup.device:
            raise WrongDevice(
                f"The job was to train on {self._setup.device} and LightGBM trained on "
                f"{self._device}. Look at the node's driver, or choose the CPU."
            )
        self._booster, self._best = booster, hears.best
        told.notes.extend(self._notes(hears))

    def _notes(self, hears: "_Hears") -> list[str]:
        grown = hears.grown
        if grown <= 1 and not self._booster.feature_importance("gain").any():
            return [NO_SPLIT]
        kept, without = self._rounds() - self._before, hears.ran - grown
        notes = []
        if hears.spent:
            notes.append(f"After round {grown} no split helped any more.")
        elif without:
            notes.append(
                f"In {without:,} of {hears.ran:,} rounds the rows and columns that were drawn had "
                "no split that helped: no tree grew in them."
            )
        if kept >= grown:
            return notes
        if without:
            best = f"The best loss was that of round {hears.best}: {kept} of {grown} trees are kept"
            return [*notes, f"{best}."]
        return [went_back(kept, grown, self._before)]

    def predict(self, matrix: Matrix) -> Floats:
        made = self._predict(matrix)
        return np.stack([1 - made, made], 1) if self._setup.classes == 2 else made

    def native(self) -> Any:
        return self._booster

    def as_told(self, given: Any) -> Floats:
        return np.asarray(given, np.float64)

    @property
    def columns(self) -> int:
        return len(self._setup.names)

    @property
    def classes(self) -> int:
        return self._setup.classes

    def contributions(self, matrix: Matrix) -> Floats:
        """TreeSHAP."""
        made = self._predict(matrix, pred_contrib=True)
        if self._setup.classes > 2:
            return made.reshape(len(matrix), self._setup.classes, -1)
        return made

    def save(self, folder: Path) -> None:
        self._booster.save_model(folder / FILE)

    def load(self, folder: Path) -> None:
        """By as many threads as are set: a model's file alone takes those of the last call in this
        process, and a fork of it with more than one hangs."""
        told = {"num_threads": self._setup.threads, "verbosity": -1}
        lightgbm.Dataset(np.zeros((1, 1)), params=told).construct()
        self._booster = lightgbm.Booster(model_file=str(folder / FILE))

    def importance(self) -> tuple[str, Floats] | None:
        gains = self._booster.feature_importance("gain")
        return "Gain: how much the splits on it lowered the loss", np.asarray(gains, np.float64)

    def facts(self) -> dict[str, Any]:
        more = {"went_on_from": self._before} if self._before else {}
        if self._before + self._best > self._rounds():  # to grow as many trees again takes as many
            more["best"] = self._before + self._best
        return {"rounds": self._rounds(), "device": self._device, **more}

    def again(self, rounds: int) -> dict[str, Any]:
        return {**self._setup.params, "rounds": rounds, "early_stopping": False}

    def _rounds(self) -> int:
        return 0 if self._booster is None else int(self._booster.current_iteration())

    def _predict(self, matrix: Matrix, **more: Any) -> Floats:
        made = self._booster.predict(matrix, num_threads=self._setup.threads, **more)
        return np.asarray(made, np.float64)

    def _settings(self) -> dict[str, Any]:
        return settings(self._setup) | {"seed": (self._setup.seed + self._rounds()) % 2**31}


def settings(setup: Setup) -> dict[str, Any]:
    """What LightGBM is told, in its own words.

    Whether it goes through rows or columns, it would choose by a stop-watch, and make another model
    of the same rows now and then.
    """
    params = setup.params
    told = {theirs: params[ours] for ours, theirs in PASSED_ON.items()}
    told |= {"num_threads": setup.threads, "verbosity": SILENT, "device_type": setup.device}
    told |= {"deterministic": True, "seed": setup.seed % 2**31}
    told |= {"max_depth": params["max_depth"] or -1, "bagging_freq": int(params["subsample"] < 1)}
    if setup.device == "cpu":
        told["force_col_wise" if len(setup.names) > WIDE else "force_row_wise"] = True
    if params["boosting"] == "goss":
        told["data_sample_strategy"] = "goss"
    else:
        told["boosting"] = params["boosting"]
    if params["boosting"] == "dart":
        told["drop_rate"] = params["rate_drop"]
    if setup.classes == 2:
        return told | {"objective": "binary", "metric": "binary_logloss"}
    if setup.classes:
        several = {"objective": "multiclass", "num_class": setup.classes}
        return told | several | {"metric": "multi_logloss"}
    objective, metric = LOSSES[params["loss"]]
    return told | {"objective": objective, "metric": metric}


def trained_on(booster: Any) -> str:
    """cpu or cuda: as the model itself tells of its training. LightGBM never goes over silently."""
    found = re.search(r"^\[device_type: (\w+)\]$", booster.model_to_string(), re.MULTILINE)
    return found[1] if found else ""


def _data(rows: Rows, settings: dict[str, Any], like: Any = None) -> Any:
    return lightgbm.Dataset(
        rows.matrix, label=rows.target, weight=rows.weight, reference=like, params=settings
    )


def _sentence(wrong: Exception, device: str) -> Exception:
    if device == "cpu" or "was not enabled in this build" not in str(wrong):
        return wrong
    return WrongDevice(
        "This node's LightGBM is not built for GPUs: docs/lightgbm.md says how to build it. Choose "
        "the CPU, or a node whose LightGBM is."
    )


def _drawn(params: dict[str, Any]) -> bool:
    """Whether rounds differ by chance: then one without a split says nothing of the next."""
    shares = ("subsample", "colsample_bytree", "colsample_bynode")
    return params["boosting"] != "gbdt" or any(params[one] < 1 for one in shares)


class _Hears:
    """Tells each round, and stops between two: by order, or because nothing improves any more.

    A round in which no split helps grows no tree. The rounds after it are the same where nothing
    is `drawn`; else the library goes on, and so does this.
    """

    def __init__(self, told: Told, rounds: int, patience: int | None, *, drawn: bool) -> None:
        self._told = told
        self._rounds = rounds
        self._patience = patience
        self._drawn = drawn
        self._lowest: tuple[float, int, Any] | None = None  # loss, round from 0, what was told
        self.ran = self.grown = self.best = 0  # rounds, trees, and the rounds up to what is kept
        self.spent = False  # no split will lower the loss any more

    def __call__(self, env: Any) -> None:
        grown = env.model.current_iteration() - env.begin_iteration
        self.spent = grown == self.grown and not self._drawn
        self.grown = grown
        self.ran = env.iteration - env.begin_iteration + (0 if self.spent else 1)
        judged = env.evaluation_result_list
        loss = float(judged[0][2]) if judged else None
        if loss is not None and (self._lowest is None or loss < self._lowest[0]):
            self._lowest = (loss, env.iteration, judged)
        ends = self._ends(env.iteration)
        if not (self.spent and self.ran):  # else the last round that made a tree was told
            told: Round = {"round": max(1, self.ran), "of": self._rounds, "val_loss": loss}
            whole = ends or self.ran <= FIRST or not self.ran % EACH
            told["train_loss"] = float(env.model.eval_train()[0][2]) if whole else None
            self._told.tell(told)
        if ends:
            self._stop(env)

    def _ends(self, at: int) -> bool:
        if self._patience is not None and self._lowest and at - self._lowest[1] >= self._patience:
            return True
        return self.spent or self.ran == self._rounds or self._told.stopped()

    def _stop(self, env: Any) -> None:
        """Keeps the trees up to the best one, where that was looked for. As the library does, it
        counts rounds there, whether or not a tree grew in each."""
        self.best = self.ran
        if self._patience is not None and self._lowest is not None:
            self.best = self._lowest[1] - env.begin_iteration + 1
            raise lightgbm.EarlyStopException(self._lowest[1], self._lowest[2])
        raise lightgbm.EarlyStopException(env.iteration, env.evaluation_result_list)
