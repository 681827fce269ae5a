"""Deep networks for tables, trained by skorch: by one process, or by several under DDP."""

import copy
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from recipes.learners.learner import (
    Floats,
    Learner,
    Matrix,
    Rows,
    Setup,
    Told,
    TooFewRows,
    WrongDevice,
)
from recipes.learners.taught import Course, at_once, taught
from recipes.nets.tabular import DeepMLP, Form, FTTransformer

FILE = "net.safetensors"
Make = Callable[[Setup, int], Any]  # a net of so many outputs


def mlp(setup: Setup) -> Learner:
    return Deep(setup, _mlp)


def ft_transformer(setup: Setup) -> Learner:
    return Deep(setup, _ft_transformer)


class Deep:
    """A net, how its target was scaled, and how many epochs it has learned for.

    On a CPU it predicts in double precision: in single, what a row is told would depend on the rows
    that are predicted with it.
    """

    def __init__(self, setup: Setup, make: Make) -> None:
        self._setup = setup
        self._make = make
        self._net: Any = None
        self._predicts: Any = None  # the net as it predicts, made at the first one
        self._scale = (0.0, 1.0)  # of the target of a regression
        self._rounds = 0
        self._before = 0  # epochs of the model that it went on from

    def fit(self, train: Rows, validation: Rows | None, told: Told) -> None:
        setup, company = self._setup, self._setup.company
        rows = company.sum([float(len(train.target))])[0]
        if rows < company.world:
            raise TooFewRows(
                f"The training has {rows:.0f} rows and {company.world} ranks: each needs one at "
                "least. Choose fewer ranks."
            )
        self._begin(train)
        course = Course(
            setup=setup,
            rows=int(rows),
            seed=setup.seed + self._before,
            scale=self._scale,
        )
        best = taught(self._net, course, self._aimed(train), self._aimed(validation), told)
        self._rounds, self._predicts = self._before + best, None
        on = self.predicts_on()
        if not on.startswith(setup.device):
            raise WrongDevice(
                f"The job was to train on {setup.device} and PyTorch trained on {on}. Look at the "
                "node's driver, or choose the CPU."
            )

    def _begin(self, train: Rows) -> None:
        """A new net, the same on all ranks; or the one that was loaded."""
        self._before = self._rounds
        torch.manual_seed(self._setup.seed + self._before)
        if self._net is None:
            if not self._setup.classes:
                self._scale = self._spread(train.target)
            self._net = self._new()

    def _new(self) -> Any:
        net = self._make(self._setup, self._setup.classes or 1)
        return net.to(torch.device(self._setup.device))

    def numbers(self) -> int:
        """Counted where tensors take no memory."""
        with torch.device("meta"):
            made = self._make(self._setup, self._setup.classes or 1)
        return sum(one.numel() for one in made.parameters())

    def _spread(self, target: Floats) -> tuple[float, float]:
        """Mean and standard deviation over the rows of all ranks."""
        total = self._setup.company.sum
        summed, count = total([float(target.sum()), float(len(target))])
        mean = summed / count
        (squares,) = total([float(np.square(target - mean).sum())])
        return mean, math.sqrt(squares / count) or 1.0

    def _aimed(self, rows: Rows | None) -> Any:
        """With its target as the net learns it."""
        if rows is None or self._setup.classes:
            return rows
        shift, factor = self._scale
        return Rows(rows.matrix, (rows.target - shift) / factor, rows.weight)

    def predict(self, matrix: Matrix) -> Floats:
        net = self._ready()
        each = at_once(net, max(1, len(matrix)))
        blocks = [matrix[start : start + each] for start in range(0, max(1, len(matrix)), each)]
        before = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("highest")  # on a GPU, as the CPU has it
        try:
            with torch.inference_mode():
                given = torch.cat([self._given(net, block) for block in blocks])
        finally:
            torch.set_float32_matmul_precision(before)
        if self._setup.classes:
            made: Floats = torch.softmax(given, 1).numpy()
            return made
        shift, factor = self._scale
        values: Floats = given[:, 0].numpy() * factor + shift
        return values

    def _given(self, net: Any, block: Matrix) -> Tensor:
        one = next(net.parameters())
        made: Tensor = net(torch.from_numpy(np.ascontiguousarray(block)).to(one.device, one.dtype))
        return made.to("cpu", torch.float64)

    def _ready(self) -> Any:
        if self._predicts is None:
            net = self._net
            if self.predicts_on() == "cpu":
                net = copy.deepcopy(net).double()
            self._predicts = net.eval()
        return self._predicts

    def predicts_on(self) -> str:
        return str(next(self._net.parameters()).device)

    @property
    def classes(self) -> int:
        return self._setup.classes

    def save(self, folder: Path) -> None:
        about = {"scale": self._scale, "rounds": self._rounds}
        state = {name: one.cpu().contiguous() for name, one in self._net.state_dict().items()}
        save_file(state, folder / FILE, metadata={"about": json.dumps(about)})

    def load(self, folder: Path) -> None:
        with safe_open(folder / FILE, "pt") as file:
            about = json.loads(file.metadata()["about"])
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no dict
        if self.numbers() != sum(one.numel() for one in state.values()):  # before it takes memory
            raise ValueError(f"{FILE} has other weights than such a network")
        self._net = self._new()
        self._net.load_state_dict(state)
        self._predicts = None
        shift, factor = about["scale"]
        self._scale, self._rounds = (float(shift), float(factor)), int(about["rounds"])

    def importance(self) -> tuple[str, Floats] | None:
        return None

    def facts(self) -> dict[str, Any]:
        more = {"went_on_from": self._before} if self._before else {}
        return {"rounds": self._rounds, "device": self.predicts_on(), **more}

    def again(self, rounds: int) -> dict[str, Any]:
        return {**self._setup.params, "rounds": rounds, "early_stopping": False}


def _mlp(setup: Setup, outputs: int) -> nn.Module:
    told = {name: setup.params[name] for name in ("layers", "width", "dropout", "residual")}
    return DeepMLP(len(setup.names), outputs, **told)


def _ft_transformer(setup: Setup, outputs: int) -> nn.Module:
    names = ("blocks", "width", "heads", "attention_dropout", "dropout")
    told = {name: setup.params[name] for name in names}
    return FTTransformer(len(setup.names), outputs, setup.ranks, Form(**told))
