"""scikit-learn's forests, grown a few trees at a time, and its boosted trees."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

from recipes.learners.forest_on_cuml import STREAMS, Grower
from recipes.learners.learner import Learner, Matrix, Rows, Setup, Told, TooFewRows
from recipes.learners.scikit import Scikit

STEPS = 20  # in which a forest grows: between two of them it tells and may be stopped
FOREST = {False: (RandomForestClassifier, RandomForestRegressor)}
FOREST[True] = (ExtraTreesClassifier, ExtraTreesRegressor)
SCORES = ("train_score_", "validation_score_")
OTHER_CLASSES = (
    "The trees of the version tell other classes apart than the training rows have here: one "
    "without a single training row, then or now, is the difference. Train from the beginning."
)


def random_forest(setup: Setup) -> Learner:
    return RandomForest(setup, lambda one: _forest(one, extra=False))


def extra_trees(setup: Setup) -> Learner:
    return Forest(setup, lambda one: _forest(one, extra=True))


def hist_gradient_boosting(setup: Setup) -> Learner:
    return Boosting(setup, _boosting)


class Trees(Scikit):
    """More of them may come to those of a model that was loaded, which stay as they are."""

    _before = 0  # trees of the model that it went on from

    def _begin(self, train: Rows) -> Any:
        """A model without trees; or the one that was loaded, with the settings of this training."""
        if self._model is None:
            self._model = self._make(self._setup)
            return self._model
        self._before = int(self._rounds or 0)
        if self._setup.classes and not np.array_equal(
            self._model.classes_, np.unique(self._aim(train.target))
        ):
            raise TooFewRows(OTHER_CLASSES)
        self._model.set_params(**self._make(self._setup).get_params())
        return self._model

    def facts(self) -> dict[str, Any]:
        return {**super().facts(), **({"went_on_from": self._before} if self._before else {})}


class Forest(Trees):
    """The same trees as if it grew at once: each has its own seed."""

    def _fit(self, train: Rows, validation: Rows | None, told: Told) -> None:
        model, trees = self._begin(train), self._setup.params["trees"]
        for count in self._counts(trees):
            model.set_params(n_estimators=self._before + count)
            self._learn(model, train)
            self._rounds = self._before + count
            loss = self.loss(validation) if validation else None
            told.tell({"round": count, "of": trees, "train_loss": None, "val_loss": loss})
            if told.stopped():
                break
        model.set_params(warm_start=False)

    def _counts(self, trees: int) -> list[int]:
        """Of how many trees it tells, the last one of all."""
        return list(np.unique(np.linspace(1, trees, min(STEPS, trees)).astype(int)).tolist())


class RandomForest(Forest):
    """Its trees grow on a GPU where cuML is, and predict on the CPU, beside others or alone."""

    _device = "cpu"
    _grower: Grower | None = None

    def _fit(self, train: Rows, validation: Rows | None, told: Told) -> None:
        device, classes = self._setup.device, self._setup.classes
        if device != "cpu":
            aim = self._aim(train.target)
            self._grower = Grower(train.matrix, aim, train.weight, classes=classes, device=device)
        super()._fit(train, validation, told)
        self._grower = None  # and with it the rows in the GPU's memory

    def _learn(self, model: Any, rows: Rows, **more: Any) -> None:
        if self._grower is None:
            super()._learn(model, rows, **more)
        else:
            self._ran, self._device = self._grower.grow(model, self._setup.threads)

    def _counts(self, trees: int) -> list[int]:
        """There as many at a time as grow side by side, or a multiple of these."""
        if self._grower is None:
            return super()._counts(trees)
        step = STREAMS * -(-trees // (STREAMS * STEPS))
        return [*range(step, trees, step), trees]

    def facts(self) -> dict[str, Any]:
        return {**super().facts(), "device": self._device}


class Boosting(Trees):
    """It bins all rows at its start, so it is fitted in one call and told afterwards."""

    def _fit(self, train: Rows, validation: Rows | None, told: Told) -> None:
        model = self._begin(train)
        more: dict[str, Any] = {}
        judge = self._known(train, validation) if model.early_stopping else None
        self._from_here(judge)
        if judge is not None:
            more = {"X_val": judge.matrix, "y_val": self._aim(judge.target)}
            if judge.weight is not None:
                more["sample_weight_val"] = judge.weight
        else:
            model.set_params(early_stopping=False)
        with _gone_on(model, self._before, train.matrix, more.get("X_val")):
            self._learn(model, train, **more)
        self._rounds = int(model.n_iter_)
        grown = self._rounds - self._before
        learned, judged = (_losses(model, name, grown) for name in SCORES)
        known_losses = [one for one in judged if one is not None]
        best = judged.index(min(known_losses)) + 1 if known_losses else None
        self._best = best and self._before + best
        for place, losses in enumerate(zip(learned, judged, strict=True), 1):
            told.tell(
                {
                    "round": place,
                    "of": self._setup.params["rounds"],
                    **dict(zip(("train_loss", "val_loss"), losses, strict=True)),
                }
            )

    def facts(self) -> dict[str, Any]:
        """It keeps the trees that were grown in vain before it stopped."""
        best = getattr(self, "_best", None)
        return {**super().facts(), **({"best": best} if best else {})}

    def _known(self, train: Rows, validation: Rows | None) -> Rows | None:
        """Validation rows whose class has a training row: it refuses others."""
        if validation is None or not self._setup.classes:
            return validation
        known = np.isin(validation.target, train.target)
        weight = None if validation.weight is None else validation.weight[known]
        return Rows(validation.matrix[known], validation.target[known], weight)

    def _from_here(self, judge: Rows | None) -> None:
        """The scores of this training alone: the first is that of the trees that are there."""
        if not self._before:
            return
        loss = self.loss(judge) if judge else np.nan
        score = -loss if self._setup.classes else -(loss**2) / 2  # as the library says it
        self._model.train_score_, self._model.validation_score_ = np.array([[np.nan], [score]])


@contextmanager
def _gone_on(model: Any, before: int, *parts: Matrix | None) -> Iterator[None]:
    """A fit in which so many trees come to those that are there.

    scikit-learn makes the bins of the numbers anew, and asks the old trees about these: they know
    the bins of their own rows, and would be wrong. What it boosts on from is what they say of the
    numbers themselves: of the training's rows, then of those that stop it, as it asks.
    """
    if not before:
        yield
        return
    said = iter([model._raw_predict(one) for one in parts if one is not None])
    model._raw_predict = lambda *_, **__: next(said)
    model.set_params(warm_start=True, max_iter=before + model.max_iter)
    try:
        yield
    finally:
        del model._raw_predict
        model.set_params(warm_start=False)


def _losses(model: Any, name: str, rounds: int) -> list[float | None]:
    """One a round; those that it did not compute are None. Its first score is that of no tree."""
    scores = getattr(model, name)[1:]
    return [None if np.isnan(one) else -float(one) for one in scores] or [None] * rounds


def _forest(setup: Setup, *, extra: bool) -> Any:
    kind = FOREST[extra][0 if setup.classes else 1]
    params = setup.params
    usual = "sqrt" if setup.classes else "all"  # what the library itself takes
    tried = usual if params["max_features"] == "usual" else params["max_features"]
    return kind(
        warm_start=True,
        max_depth=params["max_depth"] or None,
        min_samples_leaf=params["min_samples_leaf"],
        min_samples_split=params["min_samples_split"],
        max_features=None if tried == "all" else tried,
        bootstrap=not extra,
        n_jobs=setup.threads,
        random_state=setup.seed,
    )


def _boosting(setup: Setup) -> Any:
    kind = HistGradientBoostingClassifier if setup.classes else HistGradientBoostingRegressor
    params = setup.params
    return kind(
        max_iter=params["rounds"],
        learning_rate=params["learning_rate"],
        max_leaf_nodes=params["max_leaves"],
        max_depth=params["max_depth"] or None,
        min_samples_leaf=params["min_samples_leaf"],
        l2_regularization=params["reg_lambda"],
        max_bins=params["max_bins"],
        early_stopping=params["early_stopping"],
        n_iter_no_change=params["patience"],
        random_state=setup.seed,
    )
