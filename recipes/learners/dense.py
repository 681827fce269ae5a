"""Dense networks: a library learns their weights, and plain arithmetic predicts with them.

So a model predicts alike wherever it was learned, on a GPU too, and on a node without the library.
"""

import json
import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from recipes.learners.learner import Floats, Matrix, Rows, Setup, Told, WrongDevice

FILE = "dense.safetensors"
STEPS, LEAST = 16, 16  # in an epoch, of batches of so many rows: a small table has smaller ones
AT_ONCE = 1 << 22  # numbers of a layer, when rows are predicted together
Weights = list[Matrix]  # kernel [from, to] and bias [to] of each layer in turn
ACTIVATIONS: dict[str, Callable[[Floats], Floats]] = {
    "relu": lambda sums: np.maximum(sums, 0),
    "silu": lambda sums: sums * (0.5 + 0.5 * np.tanh(0.5 * sums)),
    "tanh": np.tanh,
}


class NotFinite(Exception):
    """The network has lost itself."""

    code = "not_finite"


class Batch(NamedTuple):
    """`target`: class numbers [rows], or numbers [rows, 1] in standard deviations from their mean.

    The weights have the mean 1 over all rows, not over these.
    """

    rows: Matrix
    target: Any
    weight: Matrix


class Teacher(Protocol):
    """A library's own network and optimizer, for one fit."""

    def step(self, batch: Batch) -> Any:
        """Learn from it; the mean over its rows of weight times loss, as what `float` takes."""

    def weights(self) -> Weights:
        """A copy of what it knows by now."""

    def device(self) -> str:
        """cpu or cuda:N: where the weights lie."""


Begin = Callable[[Setup, Weights], AbstractContextManager[Teacher]]


class Dense:
    """The weights, how the target was scaled, and the epochs that it took."""

    def __init__(self, setup: Setup, begin: Begin) -> None:
        self._setup = setup
        self._begin = begin
        self._weights: Weights = []
        self._scale = (0.0, 1.0)  # of the target of a regression
        self._rounds = 0
        self._before = 0  # epochs of the model that it went on from
        self._device = "cpu"

    def fit(self, train: Rows, validation: Rows | None, told: Told) -> None:
        self._before = self._rounds
        if not self._weights:
            if not self.classes:
                self._scale = (float(train.target.mean()), float(train.target.std()) or 1.0)
            self._weights = first_weights(sizes(self._setup), self._setup.seed)
        with self._begin(self._setup, self._weights) as teacher:
            self._learn(teacher, train, validation, told)
            self._device = teacher.device()
        if not self._device.startswith(self._setup.device):
            raise WrongDevice(
                f"The job was to train on {self._setup.device} and the network learned on "
                f"{self._device}. Look at the node's driver, or choose the CPU."
            )

    def numbers(self) -> int:
        """How many weights it is to learn."""
        return sum((before + 1) * after for before, after in pairwise(sizes(self._setup)))

    def _learn(self, teacher: Teacher, train: Rows, validation: Rows | None, told: Told) -> None:
        """Early stopping looks at the job's validation rows, and keeps the best weights."""
        params, lowest, since = self._setup.params, math.inf, 0
        drawn = self._batches(train)
        early = validation is not None and params["early_stopping"]
        for epoch in range(1, params["rounds"] + 1):
            losses = [teacher.step(batch) for batch in drawn.epoch()]
            loss = float(np.mean([float(one) for one in losses]))
            weights = teacher.weights()
            judged = self._loss(weights, validation) if validation else None
            if not math.isfinite(loss) or not all(np.isfinite(one).all() for one in weights):
                raise NotFinite(
                    f"In epoch {epoch} the loss was no number any more. Choose a smaller learning "
                    "rate, or scale the columns."
                )
            told.tell(
                {
                    "round": epoch,
                    "of": params["rounds"],
                    "train_loss": loss if self.classes else math.sqrt(loss) * self._scale[1],
                    "val_loss": judged,
                }
            )
            since += 1
            if not early or (judged or 0.0) < lowest:
                lowest, since = judged or 0.0, 0
                self._weights, self._rounds = weights, self._before + epoch
            if told.stopped() or (early and since >= params["patience"]):
                break

    def _batches(self, train: Rows) -> "Batches":
        shift, factor = self._scale
        target: Any = ((train.target - shift) / factor).astype(np.float32)[:, None]
        if self.classes:
            target = train.target.astype(np.int32)
        weight = np.ones(len(target)) if train.weight is None else train.weight
        seed = [self._setup.seed, self._before]
        whole = Batch(train.matrix, target, (weight / (weight.mean() or 1)).astype(np.float32))
        return Batches(whole, self._setup.params["batch_size"], np.random.default_rng(seed))

    def predict(self, matrix: Matrix) -> Floats:
        given = self._margins(self._weights, matrix)
        if self.classes:
            made: Floats = np.exp(_logs(given))
            return made
        return given[:, 0] * self._scale[1] + self._scale[0]

    def _margins(self, weights: Weights, matrix: Matrix) -> Floats:
        """In double precision: in single, rows would differ by those that they come with."""
        act = ACTIVATIONS[self._setup.params["activation"]]
        each = max(1, AT_ONCE // max(sizes(self._setup)))
        layers = [one.astype(np.float64) for one in weights]
        made = []
        for start in range(0, max(1, len(matrix)), each):
            block = matrix[start : start + each].astype(np.float64)
            for place in range(0, len(layers), 2):
                block = block @ layers[place] + layers[place + 1]
                block = block if place == len(layers) - 2 else act(block)
            made.append(block)
        return np.concatenate(made)

    def _loss(self, weights: Weights, rows: Rows) -> float:
        """Log loss, or the root of the mean squared error."""
        given = self._margins(weights, rows.matrix)
        if self.classes:
            logs = _logs(given)[np.arange(len(given)), rows.target.astype(np.int64)]
            return float(np.average(-logs, weights=rows.weight))
        apart = given[:, 0] * self._scale[1] + self._scale[0] - rows.target
        return math.sqrt(float(np.average(np.square(apart), weights=rows.weight)))

    @property
    def classes(self) -> int:
        return self._setup.classes

    def save(self, folder: Path) -> None:
        about = {"scale": self._scale, "rounds": self._rounds}
        named = zip(names(len(self._weights)), self._weights, strict=True)
        save_file(dict(named), folder / FILE, metadata={"about": json.dumps(about)})

    def load(self, folder: Path) -> None:
        with safe_open(folder / FILE, "np") as file:
            about = json.loads((file.metadata() or {}).get("about", "{}"))
            found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no dict
        self._weights = _checked(found, sizes(self._setup))
        if about.keys() != {"scale", "rounds"}:
            raise ValueError(f"{FILE} does not say how its target was scaled")
        shift, factor = about["scale"]
        self._scale, self._rounds = (float(shift), float(factor)), int(about["rounds"])

    def importance(self) -> tuple[str, Floats] | None:
        return None

    def facts(self) -> dict[str, Any]:
        more = {"went_on_from": self._before} if self._before else {}
        return {"rounds": self._rounds, "device": self._device, **more}

    def again(self, rounds: int) -> dict[str, Any]:
        return {**self._setup.params, "rounds": rounds, "early_stopping": False}


@dataclass(frozen=True)
class Batches:
    """All rows in an order that is drawn anew each epoch, in batches of one size.

    Fewer rows than there are batches are left out of an epoch, others each time.
    """

    whole: Batch
    most: int
    rng: np.random.Generator

    def epoch(self) -> Iterator[Batch]:
        count = len(self.whole.weight)
        steps = math.ceil(count / min(self.most, max(LEAST, count // STEPS)))
        order = self.rng.permutation(count)[: count // steps * steps]
        for some in order.reshape(steps, -1):
            yield Batch(*(one[some] for one in self.whole))


def sizes(setup: Setup) -> list[int]:
    """How many numbers go from layer to layer: the columns first, what is predicted last."""
    params = setup.params
    return [len(setup.names), *[params["width"]] * params["layers"], max(1, setup.classes)]


def first_weights(layers: list[int], seed: int) -> Weights:
    """Drawn as Glorot and Bengio do."""
    rng = np.random.default_rng(seed)
    made: Weights = []
    for before, after in pairwise(layers):
        limit = math.sqrt(6 / (before + after))
        made.append(rng.uniform(-limit, limit, (before, after)).astype(np.float32))
        made.append(np.zeros(after, np.float32))
    return made


def names(count: int) -> list[str]:
    return [f"{place // 2}.{'bias' if place % 2 else 'kernel'}" for place in range(count)]


def _checked(found: dict[str, Any], layers: list[int]) -> Weights:
    """Raises ValueError where these are not the arrays of such a network."""
    wanted = [shape for before, after in pairwise(layers) for shape in ((before, after), (after,))]
    known = names(len(wanted))
    right = set(known) == set(found) and all(
        found[name].shape == shape and found[name].dtype == np.float32
        for name, shape in zip(known, wanted, strict=True)
    )
    if not right or not all(np.isfinite(one).all() for one in found.values()):
        raise ValueError(
            f"the arrays of {FILE} are not those of a network of {', '.join(map(str, layers))} "
            "neurons"
        )
    return [found[name] for name in known]


def _logs(given: Floats) -> Floats:
    """Of probabilities, from margins [rows, classes]."""
    moved = given - given.max(1, keepdims=True)
    made: Floats = moved - np.log(np.exp(moved).sum(1, keepdims=True))
    return made
