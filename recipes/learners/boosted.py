"""XGBoost: boosted trees, on the CPU or one GPU."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import xgboost
from xgboost.callback import TrainingCallback

from recipes.learners.learner import Floats, Learner, Matrix, Round, Rows, Setup, Told, WrongDevice

FILE = "model.ubj"
LOSSES = {  # not its pseudo-Huber: its steps overshoot and diverge where errors are large
    "squared": "reg:squarederror",
    "absolute": "reg:absoluteerror",
}
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

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._booster: Any = None
        self._rounds = 0
        self._device = ""

    def fit(self, train: Rows, validation: Rows | None, told: Told) -> None:
        params = self._setup.params
        data = self._matrix(train)
        evals = [(data, "train")]
        if validation is not None:
            evals.append((self._matrix(validation, like=data), "validation"))
        hears: list[Any] = [_Hears(told, params["rounds"])]
        if validation is not None and params["early_stopping"]:
            hears.append(
                xgboost.callback.EarlyStopping(
                    rounds=params["patience"], data_name="validation", save_best=True
                )
            )
        booster = xgboost.train(
            self._settings(),
            data,
            num_boost_round=params["rounds"],
            evals=evals,
            verbose_eval=False,
            callbacks=hears,
        )
        self._device = trained_on(booster)
        if not self._device.startswith(self._setup.device):
            raise WrongDevice(
                f"The job was to train on {self._setup.device} and XGBoost trained on "
                f"{self._device}. Look at the node's driver, or choose the CPU."
            )
        self._rounds, grown = booster.num_boosted_rounds(), hears[0].grown
        if self._rounds < grown:
            told.notes.append(
                f"The best loss was that of {self._rounds} trees; {grown} were grown."
            )
        self._booster = booster

    def predict(self, matrix: Matrix) -> Floats:
        self._booster.set_param({"nthread": self._setup.threads})
        given = self._booster.predict(xgboost.DMatrix(matrix, nthread=self._setup.threads))
        made = np.asarray(given, np.float64)
        return np.stack([1 - made, made], 1) if self._setup.classes == 2 else made

    @property
    def classes(self) -> int:
        return self._setup.classes

    def contributions(self, matrix: Matrix) -> Floats:
        """TreeSHAP, on the device that the booster is on."""
        threads = self._setup.threads
        self._booster.set_param({"nthread": threads})
        data = xgboost.DMatrix(matrix, nthread=threads)
        return np.asarray(self._booster.predict(data, pred_contribs=True), np.float64)

    def save(self, folder: Path) -> None:
        self._booster.save_model(folder / FILE)

    def load(self, folder: Path) -> None:
        told = {"device": "cpu", "nthread": self._setup.threads}
        self._booster = xgboost.Booster(told, model_file=str(folder / FILE))
        self._rounds = self._booster.num_boosted_rounds()

    def importance(self) -> tuple[str, Floats] | None:
        gains = self._booster.get_score(importance_type="total_gain")
        names = (f"f{place}" for place in range(len(self._setup.names)))
        found = np.array([float(gains.get(name, 0.0)) for name in names])
        return "Gain: how much the splits on it lowered the loss", found

    def facts(self) -> dict[str, Any]:
        return {"rounds": self._rounds, "device": self._device}

    def again(self, rounds: int) -> dict[str, Any]:
        return {**self._setup.params, "rounds": rounds, "early_stopping": False}

    def _settings(self) -> dict[str, Any]:
        setup, params = self._setup, self._setup.params
        told = {name: params[name] for name in PASSED_ON}
        told |= {"seed": setup.seed, "nthread": setup.threads, "device": setup.device}
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
        """Only `hist` can use the quantised matrix, which needs a fraction of the memory."""
        given = {"label": rows.target, "weight": rows.weight, "nthread": self._setup.threads}
        if self._setup.params["tree_method"] != "hist":
            return xgboost.DMatrix(rows.matrix, **given)
        bins = self._setup.params["max_bin"]
        return xgboost.QuantileDMatrix(rows.matrix, max_bin=bins, ref=like, **given)


def trained_on(booster: Any) -> str:
    """cpu or cuda:N: the parameters only say what was asked for, and XGBoost falls back."""
    return str(json.loads(booster.save_config())["learner"]["generic_param"]["device"])


class _Hears(TrainingCallback):
    """Tells each round, and stops between two."""

    def __init__(self, told: Told, rounds: int) -> None:
        super().__init__()
        self._told = told
        self._rounds = rounds
        self.grown = 0

    def after_iteration(self, model: Any, epoch: int, evals_log: dict[str, Any]) -> bool:
        self.grown = epoch + 1
        last: Round = {"round": epoch + 1, "of": self._rounds, "val_loss": None}
        for part, name in (("train", "train_loss"), ("validation", "val_loss")):
            for figures in evals_log.get(part, {}).values():
                last[name] = float(figures[-1])
        self._told.tell(last)
        return self._told.stopped()
