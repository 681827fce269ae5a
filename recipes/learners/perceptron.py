"""scikit-learn's multilayer perceptron, one epoch at a time."""

from itertools import pairwise
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor

from recipes.learners.learner import Learner, Rows, Setup, Told
from recipes.learners.scikit import ScaledTarget


def mlp(setup: Setup) -> Learner:
    return Perceptron(setup, _net)


class Perceptron(ScaledTarget):
    """Early stopping is ours: it looks at the job's validation rows and keeps the best weights."""

    _before = 0  # epochs of the model that it went on from

    def numbers(self) -> int:
        """How many weights it is to learn."""
        params, ends = self._setup.params, (len(self._setup.names), max(1, self._setup.classes))
        layers = [ends[0], *[params["width"]] * params["layers"], ends[1]]
        return sum((before + 1) * after for before, after in pairwise(layers))

    def _fit(self, train: Rows, validation: Rows | None, told: Told) -> None:
        self._begin(train)
        model, params = self._model, self._setup.params
        # A seed would be begun anew in each call, and every epoch would see the same batches.
        model.set_params(random_state=np.random.RandomState(self._setup.seed))
        seen, aim = self._seen(train.matrix), self._aim(train.target)
        more: dict[str, Any] = {}
        if self._setup.classes:
            more["classes"] = np.arange(self._setup.classes)
        if train.weight is not None:
            more["sample_weight"] = train.weight
        before, best, since, kept = self._rounds or 0, np.inf, 0, None
        self._before = before
        for epoch in range(1, params["rounds"] + 1):
            model.partial_fit(seen, aim, **more)
            loss = self.loss(validation) if validation else None
            told.tell(
                {
                    "round": epoch,
                    "of": params["rounds"],
                    "train_loss": float(model.loss_),
                    "val_loss": loss,
                }
            )
            since += 1
            if loss is None or loss < best or not params["early_stopping"]:
                best, since, self._rounds = loss if loss is not None else best, 0, before + epoch
                kept = _copied(model) if params["early_stopping"] else None
            late = params["early_stopping"] and since >= params["patience"]
            if late or told.stopped():
                break
        if kept is not None:
            model.coefs_, model.intercepts_ = kept
        model.set_params(random_state=self._setup.seed)

    def facts(self) -> dict[str, Any]:
        return {**super().facts(), **({"went_on_from": self._before} if self._before else {})}

    def _begin(self, train: Rows) -> None:
        """A new net; or the one that was loaded, with the settings of this training."""
        if self._model is None:
            if not self._setup.classes:
                self._scale = (float(train.target.mean()), float(train.target.std()) or 1.0)
            self._model = self._make(self._setup)
            return
        self._model.set_params(**self._make(self._setup).get_params())
        del self._model._optimizer  # it holds the learning rate and the momentum of then


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
