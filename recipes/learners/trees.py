"""scikit-learn's forests, grown a few trees at a time, and its boosted trees."""

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

from recipes.learners.learner import Learner, Rows, Setup, Told
from recipes.learners.scikit import Scikit

STEPS = 20  # in which a forest grows: between two of them it tells and may be stopped
FOREST = {False: (RandomForestClassifier, RandomForestRegressor)}
FOREST[True] = (ExtraTreesClassifier, ExtraTreesRegressor)
SCORES = ("train_score_", "validation_score_")


def random_forest(setup: Setup) -> Learner:
    return Forest(setup, lambda one: _forest(one, extra=False))


def extra_trees(setup: Setup) -> Learner:
    return Forest(setup, lambda one: _forest(one, extra=True))


def hist_gradient_boosting(setup: Setup) -> Learner:
    return Boosting(setup, _boosting)


class Forest(Scikit):
    """The same trees as if it grew at once: each has its own seed."""

    def _fit(self, train: Rows, validation: Rows | None, told: Told) -> None:
        model = self._model = self._make(self._setup)
        trees = self._setup.params["trees"]
        for count in np.unique(np.linspace(1, trees, min(STEPS, trees)).astype(int)).tolist():
            model.set_params(n_estimators=count)
            self._learn(model, train)
            self._rounds = count
            loss = self.loss(validation) if validation else None
            told.tell({"round": count, "of": trees, "train_loss": None, "val_loss": loss})
            if told.stopped():
                break
        model.set_params(warm_start=False)


class Boosting(Scikit):
    """It bins all rows at its start, so it is fitted in one call and told afterwards."""

    def _fit(self, train: Rows, validation: Rows | None, told: Told) -> None:
        model = self._model = self._make(self._setup)
        more: dict[str, Any] = {}
        if validation is not None and self._setup.params["early_stopping"]:
            known = self._known(train, validation)
            more = {
                "X_val": validation.matrix[known],
                "y_val": self._aim(validation.target[known]),
            }
            if validation.weight is not None:
                more["sample_weight_val"] = validation.weight[known]
        else:
            model.set_params(early_stopping=False)
        self._learn(model, train, **more)
        self._rounds = int(model.n_iter_)
        learned, judged = (_losses(model, name, self._rounds) for name in SCORES)
        known_losses = [one for one in judged if one is not None]
        self._best = judged.index(min(known_losses)) + 1 if known_losses else None
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

    def _known(self, train: Rows, validation: Rows) -> Any:
        """Validation rows whose class has a training row: it refuses others."""
        if not self._setup.classes:
            return np.ones(len(validation.target), bool)
        return np.isin(validation.target, train.target)


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
