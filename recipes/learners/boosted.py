"""XGBoost: boosted trees, on the CPU or GPUs, by one process or several."""

import json
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import xgboost
from xgboost.callback import TrainingCallback

from recipes.learners import paged
from recipes.learners.company import met
from recipes.learners.learner import (
    Floats,
    Learner,
    Matrix,
    NotAddingUp,
    NotFromDisk,
    Round,
    Rows,
    Setup,
    Told,
    WrongDevice,
    went_back,
)

FILE = "model.ubj"
LOSSES = {  # not its pseudo-Huber: its steps overshoot and diverge where errors are large
    "squared": "reg:squarederror",
    "absolute": "reg:absoluteerror",
}
TOO_DEEP = (
    "On a GPU XGBoost explains no model that has more than 31 columns on one path of a tree; on "
    "the CPU it does."
)
EACH = 10  # rounds: to compute the training loss in each one would be a tenth of the fit
PASSED_ON = (  # params that XGBoost calls the same
    "tree_method",
    "booster",
    "max_depth",
    "learning_rate",
    "gamma",
    "min_child_weight",
    "max_delta_step",
    "subsample",
    "colsample_bytree",
    "colsample_bylevel",
    "reg_alpha",
    "reg_lambda",
    "max_bin",
    "grow_policy",
    "max_leaves",
)


def build(setup: Setup) -> Learner:
    return Boosted(setup)


class Boosted:
    """A booster and what it was set up with."""

    file = FILE

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._booster: Any = None
        self._rounds = 0
        self._before = 0  # trees that it went on from
        self._device = ""

    def fit(self, train: Rows, validation: Rows | None, told: Told) -> None:
        setup = self._setup
        with paged.explained(train, setup), paged.pooled(train.pages), met(setup.company):
            self._fit(train, validation, told)

    def _fit(self, train: Rows, validation: Rows | None, told: Told) -> None:
        params = self._setup.params
        data = self._matrix(train)
        evals = []
        if validation is not None:
            evals.append((self._matrix(validation, like=data), "validation"))
        early = validation is not None and params["early_stopping"]
        patience = params["patience"] if early else None
        hears, self._before = _Hears(told, data, params["rounds"], patience), self._rounds
        booster = xgboost.train(
            self._settings(),
            data,
            num_boost_round=params["rounds"],
            evals=evals,
            verbose_eval=False,
            callbacks=[hears],
            xgb_model=self._booster,
        )
        self._device = trained_on(booster)
        if not self._device.startswith(self._setup.device):
            raise WrongDevice(
                f"The job was to train on {self._setup.device} and XGBoost trained on "
                f"{self._device}. Look at the node's driver, or choose the CPU."
            )
        self._rounds = booster.num_boosted_rounds()
        kept, grown = self._rounds - self._before, hears.grown
        if kept < grown:
            told.notes.append(went_back(kept, grown, self._before))
        self._booster = booster

    def predict(self, matrix: Matrix) -> Floats:
        """In place: a matrix of XGBoost's own would cost more than the prediction."""
        self._booster.set_param({"nthread": self._setup.threads})
        made = _here(self._booster.inplace_predict(self._there(matrix)))
        return np.stack([1 - made, made], 1) if self._setup.classes == 2 else made

    def native(self) -> Any:
        return self._booster

    def as_told(self, given: Any) -> Floats:
        return np.asarray(given, np.float64)

    @property
    def columns(self) -> int:
        return len(self._setup.names)

    def predicts_on(self) -> str:
        return trained_on(self._booster)

    def _there(self, matrix: Matrix) -> Any:
        """On the booster's device where CuPy can put it there; else XGBoost copies it itself."""
        if self._setup.device == "cpu" or find_spec("cupy") is None:
            return matrix
        return import_module("cupy").asarray(matrix)

    @property
    def classes(self) -> int:
        return self._setup.classes

    def contributions(self, matrix: Matrix) -> Floats:
        """TreeSHAP, on the device that the booster is on. Raises NotAddingUp."""
        threads = self._setup.threads
        self._booster.set_param({"nthread": threads})
        data = xgboost.DMatrix(matrix, nthread=threads)
        try:
            return np.asarray(self._booster.predict(data, pred_contribs=True), np.float64)
        except xgboost.core.XGBoostError as wrong:
            raise (NotAddingUp(TOO_DEEP) if "Tree depth must be" in str(wrong) else wrong) from None

    @property
    def explains_on_gpu(self) -> bool:
        """XGBoost gives those of DART to the CPU whatever the booster's device is."""
        return bool(self._setup.params["booster"] != "dart")

    def save(self, folder: Path) -> None:
        self._booster.save_model(folder / FILE)

    def load(self, folder: Path) -> None:
        told = {"device": self._setup.device, "nthread": self._setup.threads}
        told["fail_on_invalid_gpu_id"] = True
        self._booster = xgboost.Booster(told, model_file=str(folder / FILE))
        self._rounds = self._booster.num_boosted_rounds()

    def importance(self) -> tuple[str, Floats] | None:
        gains = self._booster.get_score(importance_type="total_gain")
        names = (f"f{place}" for place in range(len(self._setup.names)))
        found = np.array([float(gains.get(name, 0.0)) for name in names])
        return "Gain: how much the splits on it lowered the loss", found

    def facts(self) -> dict[str, Any]:
        more = {"went_on_from": self._before} if self._before else {}
        return {"rounds": self._rounds, "device": self._device, **more}

    def again(self, rounds: int) -> dict[str, Any]:
        return {**self._setup.params, "rounds": rounds, "early_stopping": False}

    def _settings(self) -> dict[str, Any]:
        setup, params = self._setup, self._setup.params
        told = {name: params[name] for name in PASSED_ON}
        seed = (setup.seed + self._before) % 2**31  # what goes on draws other rows than it did
        told |= {"seed": seed, "nthread": setup.threads, "device": setup.device}
        told["fail_on_invalid_gpu_id"] = True
        if params["booster"] == "dart":
            told["rate_drop"] = params["rate_drop"]
        if setup.classes == 2:
            return told | {"objective": "binary:logistic", "eval_metric": "logloss"}
        if setup.classes:
            several = {"objective": "multi:softprob", "num_class": setup.classes}
            return told | several | {"eval_metric": "mlogloss"}
        metric = {"squared": "rmse", "absolute": "mae"}[params["loss"]]
        return told | {"objective": LOSSES[params["loss"]], "eval_metric": metric}

    def _matrix(self, rows: Rows, like: Any = None) -> Any:
        """Only `hist` can use the quantised matrix, which needs a fraction of the memory, and can
        lie in pages."""
        method, bins = self._setup.params["tree_method"], self._setup.params["max_bin"]
        threads = {"nthread": self._setup.threads}
        if rows.pages is not None:
            if method != "hist":
                raise NotFromDisk(f"The tree method '{method}' needs the whole table in memory.")
            return paged.matrix(rows, rows.pages, self._setup, like)
        given = {"label": rows.target, "weight": rows.weight, **threads}
        if method != "hist":
            return xgboost.DMatrix(rows.matrix, **given)
        return xgboost.QuantileDMatrix(rows.matrix, max_bin=bins, ref=like, **given)


def _here(given: Any) -> Floats:
    """Predictions in this machine's memory, whether XGBoost left them there or on a GPU."""
    return np.asarray(given.get() if hasattr(given, "get") else given, np.float64)


def trained_on(booster: Any) -> str:
    """cpu or cuda:N: the parameters only say what was asked for, and XGBoost falls back."""
    return str(json.loads(booster.save_config())["learner"]["generic_param"]["device"])


class _Hears(TrainingCallback):
    """Tells each round, and stops between two: by order, or because nothing improves any more.

    One callback for both: XGBoost asks the next one only if this one does not end the training,
    and early stopping that was never asked fails when it looks for the best round.
    """

    def __init__(self, told: Told, train: Any, rounds: int, patience: int | None) -> None:
        super().__init__()
        self._told = told
        self._train = train
        self._rounds = rounds
        self._early: Any = TrainingCallback()
        if patience is not None:
            self._early = xgboost.callback.EarlyStopping(
                rounds=patience, data_name="validation", save_best=True
            )
        self.grown = 0

    def before_training(self, model: Any) -> Any:
        return self._early.before_training(model)

    def after_training(self, model: Any) -> Any:
        return self._early.after_training(model)

    def after_iteration(self, model: Any, epoch: int, evals_log: dict[str, Any]) -> bool:
        self.grown = epoch + 1
        last: Round = {"round": epoch + 1, "of": self._rounds, "train_loss": None}
        judged = next(iter(evals_log.get("validation", {}).values()), None)
        last["val_loss"] = judged and float(judged[-1])
        stops = bool(self._early.after_iteration(model, epoch, evals_log)) or self._told.stopped()
        if stops or epoch < EACH or not self.grown % EACH or self.grown == self._rounds:
            said = model.eval_set([(self._train, "train")], epoch)
            last["train_loss"] = float(said.rpartition(":")[2])
        self._told.tell(last)
        return stops
