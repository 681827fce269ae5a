"""scikit-learn's estimators: fitted in one call, saved by skops, which runs no code at loading."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import log_loss, mean_squared_error

from recipes.learners import converted, intel
from recipes.learners.learner import Floats, Matrix, Rows, Setup, Told

FILE = "model.skops"
TRUSTED = [  # beside numpy's and scikit-learn's own estimators; anything else is not loaded
    "sklearn._loss._loss.CyHalfBinomialLoss",
    "sklearn._loss._loss.CyHalfMultinomialLoss",
    "sklearn._loss._loss.CyHalfSquaredError",
    "sklearn._loss.link.IdentityLink",
    "sklearn._loss.link.Interval",
    "sklearn._loss.link.LogitLink",
    "sklearn._loss.link.MultinomialLogit",
    "sklearn._loss.loss.AbsoluteError",
    "sklearn._loss.loss.HalfBinomialLoss",
    "sklearn._loss.loss.HalfMultinomialLoss",
    "sklearn._loss.loss.HalfSquaredError",
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
]
Make = Callable[[Setup], Any]  # an estimator that is not fitted yet


class Scikit:
    """An estimator and what it needs around it. Subclasses fit in their own way."""

    double = False  # it computes in float64
    weighs = True  # it takes weights of rows

    def __init__(self, setup: Setup, make: Make) -> None:
        self._setup = setup
        self._make = make
        self._model: Any = None
        self._scale = (0.0, 1.0)  # of the target of a regression
        self._rounds: int | None = None
        self._ran: converted.Ran | None = None

    def fit(self, train: Rows, validation: Rows | None, told: Told) -> None:
        if train.weight is not None and not self.weighs:
            told.notes.append("This algorithm knows no weights: all rows count the same.")
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            self._fit(train, validation, told)
        told.notes.extend(sorted({_sentence(one.message) for one in heard}))
        told.notes.extend([self._ran.sentence] if self._ran else [])

    def _fit(self, train: Rows, validation: Rows | None, told: Told) -> None:
        self._model = self._make(self._setup)
        self._learn(self._model, train)
        told.tell(
            {
                "round": 1,
                "of": 1,
                "train_loss": None,
                "val_loss": self.loss(validation) if validation else None,
            }
        )

    def _learn(self, model: Any, rows: Rows, **more: Any) -> None:
        if self.weighs and rows.weight is not None:
            more["sample_weight"] = rows.weight
        seen, aim = self._seen(rows.matrix), self._aim(rows.target)
        if self._setup.params.get("intel"):
            self._ran = intel.fit(model, seen, aim, self._setup.threads, **more)
        else:
            model.fit(seen, aim, **more)

    def predict(self, matrix: Matrix) -> Floats:
        seen, model = self._seen(matrix), self._model
        asked = model.predict_proba if self._setup.classes else model.predict
        return self.as_told(asked(seen))

    def native(self) -> Any:
        return self._model

    def as_told(self, given: Any) -> Floats:
        if not self._setup.classes:
            shift, factor = self._scale
            return np.asarray(given, np.float64) * factor + shift
        return self._all_classes(given, self._model.classes_)

    @property
    def columns(self) -> int:
        return len(self._setup.names)

    @property
    def classes(self) -> int:
        return self._setup.classes

    def loss(self, rows: Rows) -> float:
        """Log loss, or the root of the mean squared error."""
        given = self.predict(rows.matrix)
        if not self._setup.classes:
            return float(np.sqrt(mean_squared_error(rows.target, given, sample_weight=rows.weight)))
        labels = np.arange(self._setup.classes)
        return float(log_loss(rows.target, given, labels=labels, sample_weight=rows.weight))

    def save(self, folder: Path) -> None:
        _files().dump(self._kept(), folder / FILE)

    def load(self, folder: Path) -> None:
        self._take(_files().load(folder / FILE, TRUSTED))

    def importance(self) -> tuple[str, Floats] | None:
        if hasattr(self._model, "feature_importances_"):
            found = np.asarray(self._model.feature_importances_, np.float64)
            return "Impurity: how much the splits on it sorted the training rows", found
        if isinstance(getattr(self._model, "coef_", None), np.ndarray):
            found = np.abs(np.atleast_2d(self._model.coef_)).mean(0)
            return "Coefficients: their mean size", np.asarray(found, np.float64)
        return None

    def facts(self) -> dict[str, Any]:
        ran = {"accelerated": self._ran.accelerated} if self._ran else {}
        return {"rounds": self._rounds, "device": "cpu", **ran}

    def again(self, rounds: int) -> dict[str, Any]:
        params = self._setup.params
        if not params.get("early_stopping"):
            return params
        return {**params, "rounds": rounds, "early_stopping": False}

    def _kept(self) -> dict[str, Any]:
        shift, factor = self._scale
        return {"model": self._model, "shift": shift, "factor": factor, "rounds": self._rounds}

    def _take(self, kept: dict[str, Any]) -> None:
        self._model, self._rounds = kept["model"], kept["rounds"]
        if "n_jobs" in self._model.get_params():  # those of the training are of another machine
            self._model.set_params(n_jobs=self._setup.threads)
        self._scale = (float(kept["shift"]), float(kept["factor"]))

    def _seen(self, matrix: Matrix) -> Any:
        return matrix.astype(np.float64) if self.double else matrix

    def _aim(self, target: Floats) -> Any:
        """Class numbers, or the numbers themselves."""
        return target.astype(np.int64) if self._setup.classes else target

    def _all_classes(self, given: Any, known: Any) -> Floats:
        """A class without a training row has the probability 0."""
        made = np.zeros((len(given), self._setup.classes))
        # Boosted trees that know one class tell of a second one, which is nobody's.
        made[:, np.asarray(known, np.int64)] = given[:, : len(known)]
        return made


class ScaledTarget(Scikit):
    """Learns a number as its distance from the mean in standard deviations."""

    double = True

    def _fit(self, train: Rows, validation: Rows | None, told: Told) -> None:
        if not self._setup.classes:
            self._scale = (float(train.target.mean()), float(train.target.std()) or 1.0)
        super()._fit(train, validation, told)

    def _aim(self, target: Floats) -> Any:
        if self._setup.classes:
            return super()._aim(target)
        return (target - self._scale[0]) / self._scale[1]


def _sentence(warning: Warning | str) -> str:
    """The first sentence of a library's warning, as a note."""
    text = " ".join(str(warning).split())
    return f"scikit-learn says: {text.split('. ')[0].rstrip('.')}."


def _files() -> Any:
    from recipes.learners import skops_file  # noqa: PLC0415 - seconds, where torch came before it

    return skops_file
