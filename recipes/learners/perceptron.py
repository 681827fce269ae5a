"""scikit-learn's multilayer perceptron, one epoch at a time."""

from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor

from recipes.learners.learner import Learner, Rows, Setup, Told
from recipes.learners.scikit import ScaledTarget


def mlp(setup: Setup) -> Learner:
    return Perceptron(setup, _net)


class Perceptron(ScaledTarget):
    """Early stopping is ours: it looks at the job's validation rows and keeps the best weights."""

    def _fit(self, train: Rows, validation: Rows | None, told: Told) -> None:
        if not self._setup.classes:
            self._scale = (float(train.target.mean()), float(train.target.std()) or 1.0)
        model = self._model = self._make(self._setup)
        params = self._setup.params
        seen, aim = self._seen(train.matrix), self._aim(train.target)
        more: dict[str, Any] = {}
        if self._setup.classes:
            more["classes"] = np.arange(self._setup.classes)
        if train.weight is not None:
            more["sample_weight"] = train.weight
        best, since, kept = np.inf, 0, None
        for epoch in range(1, params["rounds"] + 1):
            model.partial_fit(seen, aim, **more)
            loss = self.loss(validation) if validation else None
            learned = float(model.loss_)
            told.tell(
                {"round": epoch, "of": params["rounds"], "train_loss": learned, "val_loss": loss}
            )
            since += 1
            if loss is None or loss < best:
                best, since, self._rounds = loss if loss is not None else best, 0, epoch
                kept = _copied(model)
            late = params["early_stopping"] and since >= params["patience"]
            if late or told.stopped():
                break
        if kept is not None:
            model.coefs_, model.intercepts_ = kept


def _copied(model: Any) -> tuple[list[Any], list[Any]]:
    return [one.copy() for one in model.coefs_], [one.copy() for one in model.intercepts_]


def _net(setup: Setup) -> Any:
    kind = MLPClassifier if setup.classes else MLPRegressor
    params = setup.params
    return kind(
        hidden_layer_sizes=(params["width"],) * params["layers"],
        activation=params["activation"],
        alpha=params["alpha"],
        learning_rate_init=params["learning_rate"],
        batch_size=params["batch_size"],
        random_state=setup.seed,
    )
