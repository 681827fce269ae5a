"""The course of a net for tables: skorch's epochs, told, stopped, and the same on all ranks."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import partial
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping, GradientNormClipping, LRScheduler
from skorch.helper import predefined_split
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import Dataset

from recipes.learners.learner import Company, Floats, Rows, Setup, Told

STEPS, LEAST = 16, 16  # in an epoch, of batches of so many rows: a small table has smaller ones
WARM_UP, SHARE = 200, 0.1  # steps, and the share of all, in which the learning rate rises
ASKED = 16  # steps between two questions whether to stop, which all ranks ask together
AT_ONCE = 1 << 22  # numbers of a layer, when rows are predicted together
JUDGED = 8192  # rows of the validation at once, at most
ON_DEVICE = 1 << 30  # bytes of rows that may lie in a GPU's memory
UNDECAYED = ("*bias", "*norm*", "*tokens*")  # what weight decay leaves alone
CLASSES = "classes"


class NotFinite(Exception):
    """The net has lost itself."""

    code = "not_finite"


@dataclass(frozen=True, kw_only=True)
class Course:
    """`rows` of all ranks; `seed` of this fit; `scale` (shift and factor) of the target."""

    setup: Setup
    rows: int
    seed: int
    scale: tuple[float, float]

    @property
    def loss(self) -> str:
        return CLASSES if self.setup.classes else str(self.setup.params["loss"])

    @property
    def batch(self) -> int:
        """Rows of one rank in a step."""
        whole = min(int(self.setup.params["batch_size"]), max(LEAST, self.rows // STEPS))
        return max(1, math.ceil(whole / self.setup.company.world))

    def told(self, loss: float) -> float:
        """In the target's own size, a squared one as its root."""
        if self.loss == CLASSES:
            return loss
        return self.scale[1] * (math.sqrt(loss) if self.loss == "squared" else loss)


def taught(net: nn.Module, course: Course, train: Rows, validation: Rows | None, told: Told) -> int:
    """Train the net, with the best weights left in it; the epochs that they took.

    Each rank has its own `train`, and all of `validation`. Raises NotFinite, and what `told` does.
    """
    setup, params = course.setup, course.setup.params
    count = setup.company.share(len(train.target))  # rank 0 has the most
    device = next(net.parameters()).device
    stop = _Stop(told, 1 if setup.company.world == 1 else ASKED)
    early = None
    if validation is not None and params["early_stopping"]:
        early = EarlyStopping(
            monitor="judged", patience=params["patience"], threshold=0, load_best=True, sink=_silent
        )
    rng = np.random.default_rng([course.seed, setup.company.rank])
    steps = math.ceil(count / course.batch)
    rate = partial(factor, steps=steps * params["rounds"], schedule=params["schedule"])
    train = _even(train, setup.company.sum)
    held = None if validation is None else _part(_even(validation, list), setup.company)
    callbacks: list[tuple[str, Any]] = [("tells", _Tells(course, told))]
    if early is not None:
        callbacks.append(("early", early))
    callbacks += [
        ("clip", GradientNormClipping(params["clip"] or None)),
        ("rate", LRScheduler(LambdaLR, event_name=None, step_every="batch", lr_lambda=rate)),
        ("stop", stop),
    ]
    learner = NeuralNet(
        setup.company.wrap(_Mixed(net) if params["mixed_precision"] else net),
        criterion=Loss(course.loss),
        optimizer=torch.optim.AdamW,
        lr=params["learning_rate"],
        optimizer__weight_decay=params["weight_decay"],
        optimizer__param_groups=_groups(net),
        max_epochs=params["rounds"],
        batch_size=course.batch,
        iterator_train=partial(Batches, count=count, rng=rng, stop=stop),
        iterator_valid=partial(Batches, count=0, judged=at_once(net, JUDGED)),
        train_split=None if held is None else predefined_split(_Table(held, device)),
        device=device,
        verbose=0,
        callbacks=callbacks,
    )
    torch.manual_seed(course.seed * 1000 + setup.company.rank)  # of the dropout
    learner.fit(_Table(train, device))
    epochs = len(learner.history)
    return int(early.best_epoch_) if early is not None and early.best_epoch_ else epochs


def at_once(net: Any, most: int) -> int:
    """How many rows go through the net together: fewer, the larger it is."""
    return min(most, max(1, AT_ONCE // int(net.numbers_a_row)))


def factor(step: int, steps: int, schedule: str) -> float:
    """What the learning rate is multiplied by at a step of so many."""
    warm = min(WARM_UP, SHARE * steps)
    if step < warm:
        return (step + 1) / (warm + 1)
    if schedule == "constant":
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warm) / max(1.0, steps - warm))))


class Loss(nn.Module):
    """The weighted mean over the rows of a batch. `true` is [rows, 2]: targets and weights."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, given: Tensor, true: Tensor) -> Tensor:
        target, weight = true[:, 0], true[:, 1]
        if self.kind == CLASSES:
            each = functional.cross_entropy(given, target.long(), reduction="none")
        elif self.kind == "squared":
            each = (given[:, 0] - target).square()
        else:
            each = (given[:, 0] - target).abs()
        return (each * weight).mean()


class _Mixed(nn.Module):
    """bf16 in the middle of a net, on a GPU."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, rows: Tensor) -> Tensor:
        on = rows.device.type == "cuda"
        with torch.autocast(rows.device.type, torch.bfloat16, enabled=on):
            made: Tensor = self.net(rows)
        return made


class _Table(Dataset[Any]):
    """Rows as tensors; on a GPU they lie there, if they are not too many."""

    def __init__(self, rows: Rows, device: torch.device) -> None:
        made = np.stack([rows.target, np.asarray(rows.weight)], 1)
        self.x = torch.from_numpy(np.ascontiguousarray(rows.matrix))
        self.y = torch.from_numpy(made.astype(np.float32))
        if self.x.nbytes <= ON_DEVICE:
            self.x, self.y = self.x.to(device), self.y.to(device)

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, places: Any) -> tuple[Tensor, Tensor]:
        return self.x[places], self.y[places]


class Batches:
    """What skorch goes through in an epoch: `count` rows, drawn anew each time; 0: all, in order,
    `judged` at once.

    A rank with a row less than `count` sees one twice: all take as many steps.
    """

    def __init__(
        self,
        dataset: _Table,
        batch_size: int,
        *,
        count: int,
        judged: int = JUDGED,
        rng: Any = None,
        stop: "_Stop | None" = None,
    ) -> None:
        self._table = dataset
        self._batch = batch_size
        self._count = count
        self._judged = judged
        self._rng = rng
        self._stop = stop

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        if not self._count:
            for start in range(0, len(self._table), self._judged):
                yield self._table[start : start + self._judged]
            return
        drawn = np.resize(self._rng.permutation(len(self._table)), self._count)
        places = torch.from_numpy(drawn).to(self._table.x.device)
        for step, some in enumerate(places.tensor_split(math.ceil(self._count / self._batch)), 1):
            yield self._table[some]
            if self._stop is not None and self._stop.asked(step):
                return  # what is left of the epoch is left out


class _Stop(Callback):  # type: ignore[misc]
    """Ends the training by order: within an epoch too, which is judged then like any other."""

    def __init__(self, told: Told, every: int) -> None:
        self._told = told
        self._every = every
        self._heard = False

    def asked(self, step: int) -> bool:
        if step % self._every == 0:
            self._heard = self._heard or self._told.stopped()
        return self._heard

    def on_epoch_end(self, net: Any, **_: Any) -> None:
        if self._heard or self._told.stopped():
            raise KeyboardInterrupt  # skorch's own word for it


class _Tells(Callback):  # type: ignore[misc]
    """Each epoch, with losses over all ranks: all of them decide by the same figures."""

    def __init__(self, course: Course, told: Told) -> None:
        self._course = course
        self._told = told

    def on_epoch_end(self, net: Any, dataset_valid: Any = None, **_: Any) -> None:
        last = net.history[-1]
        found = [last["train_loss"], last["valid_loss"] if dataset_valid is not None else 0.0]
        company = self._course.setup.company
        counts = [1.0, float(len(dataset_valid)) if dataset_valid is not None else 1.0]
        summed = company.sum([*(one * count for one, count in zip(found, counts, strict=True)),
                              *counts])  # fmt: skip
        losses = [summed[0] / summed[2], summed[1] / summed[3]]
        if not all(map(math.isfinite, losses)):
            raise NotFinite(
                f"In epoch {last['epoch']} the loss was no number any more. Choose a smaller "
                "learning rate, or clip the gradients at a smaller norm."
            )
        net.history.record("judged", losses[1])
        judged = None if dataset_valid is None else self._course.told(losses[1])
        self._told.tell(
            {
                "round": last["epoch"],
                "of": self._course.setup.params["rounds"],
                "train_loss": self._course.told(losses[0]),
                "val_loss": judged,
            }
        )


def _even(rows: Rows, total: Callable[[list[float]], list[float]]) -> Rows:
    """With weights whose mean, over the rows that `total` sums over, is 1."""
    weight: Floats = np.ones(len(rows.target)) if rows.weight is None else rows.weight
    whole, count = total([float(weight.sum()), float(len(weight))])
    return Rows(rows.matrix, rows.target, weight * (count / whole if whole else 1.0))


def _part(rows: Rows, company: Company) -> Rows:
    """What this rank judges by: a part of the rows, or all where there are too few."""
    if len(rows.target) < company.world or rows.weight is None:
        return rows
    mine = slice(company.rank, None, company.world)
    return Rows(rows.matrix[mine], rows.target[mine], rows.weight[mine])


def _groups(net: nn.Module) -> list[tuple[str, dict[str, float]]]:
    names = [name for name, _ in net.named_parameters()]
    return [
        (pattern, {"weight_decay": 0.0})
        for pattern in UNDECAYED
        if any(fnmatch(name, pattern) for name in names)
    ]


def _silent(*_: Any, **__: Any) -> None:
    """skorch would print."""
