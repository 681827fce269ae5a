"""What learns from a matrix of numbers, whatever its library."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

Matrix = np.ndarray[Any, np.dtype[np.float32]]
Floats = np.ndarray[Any, np.dtype[np.float64]]
Round = dict[str, Any]  # {"round", "of", "train_loss", "val_loss"}; losses may be None


class WrongDevice(Exception):
    """The library computed elsewhere than the job says."""

    code = "error"


class TooFewRows(Exception):
    """The rows cannot teach what the params ask for."""

    code = "bad_data"


class NotAddingUp(Exception):
    """The library has no contributions that are those of its predictions."""

    code = "bad_data"


class NotFromDisk(Exception):
    """The params need the whole matrix in memory."""

    code = "out_of_memory"


@dataclass(frozen=True, kw_only=True)
class Company:
    """The ranks that learn one model, each from its own part of the training rows."""

    rank: int = 0
    world: int = 1
    host: str = "127.0.0.1"  # rank 0's address, as the others reach it
    open: bool = False  # they may listen where others reach them
    share: Callable[[Any], Any] = lambda value: value  # rank 0's value, on every rank
    sum: Callable[[list[float]], list[float]] = lambda values: values  # over all ranks
    # A torch net whose gradients are those of all ranks: each calls it, as they all do.
    wrap: Callable[[Any], Any] = lambda net: net


ALONE = Company()


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What to learn and with what. `classes`: 0 for a number."""

    classes: int
    params: dict[str, Any]
    seed: int
    threads: int
    device: str  # cpu or cuda
    names: list[str]  # of the matrix's columns
    # By its place, how many categories a column of ranks has: 0 and on; -1 is unseen or missing.
    ranks: dict[int, int] = field(default_factory=dict)
    company: Company = ALONE


@dataclass(frozen=True, kw_only=True)
class Pages:
    """A matrix that memory need not hold: `blocks` makes it again and again, in parts of at most
    `rows` rows; what a learner keeps of it lies in `folder`, which is gone after the fit, or, on a
    GPU, in so many bytes of that and in this machine's memory."""

    blocks: Callable[[], Iterator[Matrix]]
    rows: int
    folder: Path
    gpu: int = 0


@dataclass(frozen=True)
class Rows:
    """A matrix [rows, columns], its targets (class numbers or numbers) and weights, or None.

    With `pages` they are the rows, and the matrix has none: only for a learner whose card says
    `from_disk`.
    """

    matrix: Matrix
    target: Floats
    weight: Floats | None
    pages: Pages | None = None


@dataclass
class Told:
    """How a fit speaks to its job: each round is told, and between rounds it may be stopped."""

    tell: Callable[[Round], None] = lambda _: None
    stopped: Callable[[], bool] = lambda: False
    notes: list[str] = field(default_factory=list)


class Learner(Protocol):
    """Fitted once, or loaded. Not safe for several threads."""

    @property
    def classes(self) -> int:
        """How many it tells apart; 0 for a regression."""

    def fit(self, train: Rows, validation: Rows | None, told: Told) -> None:
        """Learn. Without `validation` nothing stops early.

        One that was loaded goes on from there, if its card names what `goes_on`.
        """

    def predict(self, matrix: Matrix) -> Floats:
        """Probabilities [rows, classes], or values [rows]."""

    def save(self, folder: Path) -> None:
        """Write the model's files, without pickle."""

    def load(self, folder: Path) -> None:
        """The model as `save` left it, to predict on the CPU; one that is OnGpu on its device."""

    def importance(self) -> tuple[str, Floats] | None:
        """What it is called, and a figure for each column of the matrix; None: it has none."""

    def facts(self) -> dict[str, Any]:
        """What the model says of itself: `rounds`, `device` it was trained on, `best`: the round
        with the lowest loss, where the model has not as many."""

    def again(self, rounds: int) -> dict[str, Any]:
        """Params that train the same without a validation: a cross-test's final model."""


@runtime_checkable
class OnGpu(Protocol):
    """A learner that predicts on the device that it was set up for."""

    def predicts_on(self) -> str:
        """cpu or cuda:N: where the library itself says it computes."""


@runtime_checkable
class Parsed(Protocol):
    """A learner whose `file` native code parses, which a bad one may end with its process."""

    @property
    def file(self) -> str: ...


@runtime_checkable
class Net(Protocol):
    """A learner of a network, whose size its params say."""

    def numbers(self) -> int:
        """How many weights it is to learn, before there are any."""


@runtime_checkable
class Convertible(Protocol):
    """A learner whose model another library may take over: a scorer (recipes/scorers)."""

    @property
    def classes(self) -> int:
        """How many it tells apart; 0 for a regression."""

    @property
    def columns(self) -> int:
        """How many numbers a row has."""

    def native(self) -> Any:
        """The model as its own library has it. It must not be changed."""

    def as_told(self, given: Any) -> Floats:
        """What that library says, probabilities [rows, classes that it knows] or values [rows], as
        `predict` gives it."""


def went_back(kept: int, grown: int, before: int) -> str:
    """The sentence for boosted trees that went back to their best round: of so many that were
    `grown`, beside those of `before`."""
    trees = f"{'more ' if before else ''}tree{'' if kept == 1 else 's'}"
    return f"The best loss was that of {kept} {trees}; {grown} were grown."


@runtime_checkable
class Exact(Protocol):
    """A learner that knows the Shapley values of its predictions by itself."""

    def contributions(self, matrix: Matrix) -> Floats:
        """In its raw margin (log-odds, or the value): [rows, columns + 1], for several classes
        [rows, classes, columns + 1]; the last one is what stands there before any column.

        Raises NotAddingUp where the library's are wrong, or it has none."""


@runtime_checkable
class ExplainsOnGpu(Protocol):
    """A learner that is Exact and OnGpu, and makes its contributions there too."""

    @property
    def explains_on_gpu(self) -> bool:
        """Whether it does so of this model."""
