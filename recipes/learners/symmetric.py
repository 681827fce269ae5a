"""CatBoost: boosted symmetric trees, on the CPU or a GPU.

The library is imported in the fit alone: not every node has it, and jobs are forked from a process
that must not have its threads.
"""

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from recipes.learners.learner import (
    Floats,
    Learner,
    Matrix,
    NotAddingUp,
    Round,
    Rows,
    Setup,
    Told,
    TooFewRows,
    WrongDevice,
    went_back,
)

FILE = "model.cbm"
LOSSES = {"squared": "RMSE", "absolute": "MAE"}
BOOTSTRAPS = {"bernoulli": "Bernoulli", "mvs": "MVS", "bayesian": "Bayesian", "none": "No"}
PASSED_ON = {  # ours: what CatBoost calls it
    "rounds": "iterations",
    "learning_rate": "learning_rate",
    "max_depth": "depth",
    "max_bin": "border_count",
    "reg_lambda": "l2_leaf_reg",
    "random_strength": "random_strength",
}
PARTS = ("learn", "validation")  # as CatBoost calls them
NEVER = -709.0  # the raw score of a class that no training row had: CatBoost's is minus infinity
APART = 1e-4  # of its largest score: contributions that miss the prediction by more are wrong
ONE_VALUE = (
    "Each column has a single value in the training rows: CatBoost finds nothing to split. Take "
    "more rows, or other columns."
)
NOT_DRAWN = (
    "CatBoost could not draw a share of the training rows: there are too few, or their errors are "
    "gone. Set 'Sampling of rows' to none."
)
OTHER_CLASSES = (
    "CatBoost cannot go on from a model of several classes where one of them has no training row, "
    "in its version or here{}. Train from the beginning."
)


def build(setup: Setup) -> Learner:
    return Symmetric(setup)


class Symmetric:
    """A model and what it was set up with."""

    file = FILE

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._model: Any = None
        self._before = 0  # trees that it went on from

    def fit(self, train: Rows, validation: Rows | None, told: Told) -> None:
        setup, params = self._setup, self._setup.params
        if self._model is not None:
            self._may_go_on(train)
        if validation is not None and validation.weight is not None and not validation.weight.any():
            validation = None
            told.notes.append("The validation rows have no weight: nothing stops early.")
        early = validation is not None and params["early_stopping"]
        self._before = self._rounds()
        hears = _Hears(told, params["rounds"])
        more: dict[str, Any] = {"callbacks": [hears]} if setup.device == "cpu" else {}
        seed = (setup.seed + self._before) % 2**31  # what goes on draws other rows than it did
        model = _library().CatBoost({**settings(setup, early=early), "random_seed": seed})
        try:
            model.fit(
                _pool(train),
                eval_set=None if validation is None else _pool(validation),
                init_model=self._model,
                **SILENT,
                **more,
            )
        except _library().CatBoostError as wrong:
            raise hears.raised or _sentence(wrong, setup.device) from None
        if hears.raised is not None:
            raise hears.raised
        self._model = model
        if self.facts()["device"] != setup.device:
            raise WrongDevice(
                f"The job was to train on {setup.device} and CatBoost trained on "
                f"{self.facts()['device']}. Look at the node's driver, or choose the CPU."
            )
        if not more:
            hears.catch_up(model.get_evals_result())
        kept = self._rounds() - self._before
        if early and kept < hears.grown:
            told.notes.append(went_back(kept, hears.grown, self._before))

    def _may_go_on(self, train: Rows) -> None:
        """Raises WrongDevice, and TooFewRows where the model or the rows lack one of several."""
        classes, device = self._setup.classes, self._setup.device
        if device != "cpu":
            raise WrongDevice("CatBoost goes on from a model on the CPU alone: choose the CPU.")
        if classes <= 2:
            return
        whole = set(range(classes))
        known = np.isfinite(self._predict(train.matrix[:1], "RawFormulaVal")).all(0)
        learned, here = set(np.flatnonzero(known).tolist()), set(train.target.astype(int).tolist())
        said = [f"{where} had no row of class {min(whole - there) + 1} of {classes}"
                for where, there in (("the version", learned), ("the training rows", here))
                if whole - there]  # fmt: skip
        if said:
            raise TooFewRows(OTHER_CLASSES.format(f": {' and '.join(said)}"))

    def predict(self, matrix: Matrix) -> Floats:
        return self._predict(matrix, "Probability" if self._setup.classes else "RawFormulaVal")

    @property
    def classes(self) -> int:
        return self._setup.classes

    def contributions(self, matrix: Matrix) -> Floats:
        """Its own Shapley values. Raises NotAddingUp: there are models of which they are wrong."""
        data = _library().Pool(matrix)
        made = self._model.get_feature_importance(
            data, type="ShapValues", thread_count=self._setup.threads, **SILENT
        )
        margin = self._predict(matrix, "RawFormulaVal")
        if self._setup.classes > 2:
            made, margin = _of_all(made, margin), np.maximum(margin, NEVER)
        apart = np.abs(made.sum(-1) - margin).max(initial=0)
        if apart > APART * max(1.0, np.abs(margin).max(initial=0)):
            raise NotAddingUp(
                "CatBoost's contributions do not add up to its predictions for this model, so that "
                "none are shown."
            )
        return np.asarray(made, np.float64)

    def save(self, folder: Path) -> None:
        self._model.save_model(str(folder / FILE))

    def load(self, folder: Path) -> None:
        """Raises ValueError where the file is none of CatBoost's, or of another shape."""
        self._model = _library().CatBoost()
        try:
            self._model.load_model(str(folder / FILE))
        except _library().CatBoostError:
            raise ValueError(f"{FILE} is no whole model of CatBoost") from None
        found, wanted = len(self._model.feature_names_), len(self._setup.names)
        if found != wanted:
            raise ValueError(f"{FILE} takes {found} numbers a row, and the encoder makes {wanted}")

    def importance(self) -> tuple[str, Floats] | None:
        found = self._model.get_feature_importance(type="PredictionValuesChange", **SILENT)
        name = "Share of how much predictions change with it, in percent"
        return name, np.asarray(found, np.float64)

    def facts(self) -> dict[str, Any]:
        more = {"went_on_from": self._before} if self._before else {}
        return {"rounds": self._rounds(), "device": trained_on(self._model), **more}

    def again(self, rounds: int) -> dict[str, Any]:
        return {**self._setup.params, "rounds": rounds, "early_stopping": False}

    def _rounds(self) -> int:
        return 0 if self._model is None else int(self._model.tree_count_)

    def _predict(self, matrix: Matrix, kind: str) -> Floats:
        made = self._model.predict(matrix, prediction_type=kind, thread_count=self._setup.threads)
        return np.asarray(made, np.float64)


def settings(setup: Setup, *, early: bool) -> dict[str, Any]:
    """What CatBoost is told, in its own words.

    It is told the classes: else rows of one class alone would make its only class the first one.
    """
    params = setup.params
    told: dict[str, Any] = {theirs: params[ours] for ours, theirs in PASSED_ON.items()}
    told |= {"random_seed": setup.seed % 2**31, "thread_count": setup.threads}
    told |= {"allow_writing_files": False, "logging_level": "Silent", "allow_const_label": True}
    told |= {"boosting_type": params["boosting"].title(), "use_best_model": early}
    told |= {"task_type": "CPU"} if setup.device == "cpu" else {"task_type": "GPU", "devices": "0"}
    if early:
        told |= {"od_type": "Iter", "od_wait": params["patience"]}
    told["bootstrap_type"] = BOOTSTRAPS[params["bootstrap"]]
    if params["bootstrap"] in ("bernoulli", "mvs"):
        told["subsample"] = params["subsample"]
    if params["bootstrap"] == "bayesian":
        told["bagging_temperature"] = params["bagging_temperature"]
    if params["colsample_bylevel"] != 1:  # even 1 is refused on a GPU
        told["rsm"] = params["colsample_bylevel"]
    if not setup.classes:
        return told | {"loss_function": LOSSES[params["loss"]]}
    loss = "Logloss" if setup.classes == 2 else "MultiClass"
    return told | {"loss_function": loss, "class_names": list(range(setup.classes))}


def trained_on(model: Any) -> str:
    """cpu or cuda: as the model itself tells of its training."""
    kind = str(model.get_all_params()["task_type"])
    return {"CPU": "cpu", "GPU": "cuda"}.get(kind, kind)


def _silent(_: str) -> None:
    """It speaks of missing classes and the like whatever its logging level is."""


SILENT: dict[str, Any] = {"log_cout": _silent, "log_cerr": _silent}


def _library() -> Any:
    return import_module("catboost")


def _pool(rows: Rows) -> Any:
    return _library().Pool(rows.matrix, rows.target, weight=rows.weight)


def _of_all(made: Floats, margin: Floats) -> Floats:
    """Contributions [rows, classes, columns + 1], where classes that no training row had are left
    out of the library's."""
    there = np.flatnonzero(np.isfinite(margin).all(0))
    if len(there) == margin.shape[1] or len(there) != made.shape[1]:
        return made
    whole = np.zeros((*margin.shape, made.shape[2]))
    whole[..., -1] = NEVER
    whole[:, there] = made
    return whole


def _sentence(wrong: Exception, device: str) -> Exception:
    text = str(wrong)
    if "features are either constant or ignored" in text:
        return TooFewRows(ONE_VALUE)
    if "Too few sampling units" in text:
        return TooFewRows(NOT_DRAWN)
    if any(one in text for one in ("invalid float value: inf", "Approx dimensions don't match")):
        return TooFewRows(OTHER_CLASSES.format(""))
    if device != "cpu" and any(one in text for one in ("CUDA error", "GPU learning library")):
        return WrongDevice(
            f"CatBoost cannot use the GPU of this job: {text.rpartition(': ')[2].rstrip('.')}. "
            "Look at the node's driver, or choose the CPU."
        )
    return wrong


class _Hears:
    """Tells each round, and stops between two by order.

    The library hands over the losses of all rounds after each one: that costs a tenth to a fifth
    of a fit of 1,000 rounds, and grows with their square. Nothing else can stop it.

    What is raised there would come out of the library as an error of its own: it is kept in
    `raised`.
    """

    def __init__(self, told: Told, rounds: int) -> None:
        self._told = told
        self._rounds = rounds
        self.grown = 0
        self.raised: BaseException | None = None

    def after_iteration(self, info: Any) -> bool:
        """Whether the training goes on."""
        try:
            learn, held = (_losses(info.metrics, part) for part in PARTS)
            goes_on = not self._told.stopped()
            self._tell(learn[-1:], held[-1:])
            return goes_on
        except BaseException as raised:
            self.raised = raised
            return False

    def catch_up(self, history: dict[str, Any]) -> None:
        """On a GPU nothing is called between rounds: all are told when it is over."""
        learn, held = (_losses(history, part) for part in PARTS)
        for at in range(max(len(learn), len(held))):
            self._tell(learn[at : at + 1], held[at : at + 1])

    def _tell(self, learn: list[float], held: list[float]) -> None:
        """Each is the loss of this round, or empty."""
        self.grown += 1
        told: Round = {"round": self.grown, "of": self._rounds}
        told["train_loss"], told["val_loss"] = (
            float(one[0]) if one else None for one in (learn, held)
        )
        self._told.tell(told)


def _losses(metrics: dict[str, Any], part: str) -> list[float]:
    """One a round: no other figure than the loss was asked for."""
    return next(iter(metrics.get(part, {}).values()), [])
