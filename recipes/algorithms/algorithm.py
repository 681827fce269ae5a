"""What an algorithm is to the web: its forms, and what the node it runs on makes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from recipes.algorithms.former import today
from recipes.boosted_room import Need
from recipes.params import Params, Value

if TYPE_CHECKING:
    from recipes.learners.learner import Learner, Setup
    from recipes.nets.classifier import Net, Plan

Values = dict[str, Value]
NOTHING = Params()


class Resolved(NamedTuple):
    """A design with nothing left that the device decides; `notes` say in sentences what changed."""

    params: Values
    training: Values
    augmentation: Values
    notes: list[str]


def as_given(params: Values, training: Values, augmentation: Values, device: str) -> Resolved:
    """The `resolve` of an algorithm that leaves nothing to the device."""
    return Resolved(dict(params), dict(training), dict(augmentation), [])


def no_net(plan: Plan) -> Net:
    """The `build` of an algorithm that learns from tables."""
    raise TypeError("An algorithm for tables has no network for pictures.")


@dataclass(frozen=True, kw_only=True)
class Algorithm:
    """A card. `resolve` is pure and light, for the web at submit.

    `build` (pictures) and `learner` (tables) import their library inside.
    """

    name: str
    label: str
    help: str
    tasks: tuple[str, ...]
    family: str = ""  # of those for tables: one of FAMILIES
    unit: str = "round"  # what it counts while it learns: round, epoch, tree
    params: Params  # the tab Architecture; all there is of an algorithm for tables
    training: Params = NOTHING  # the tab Training
    resolve: Callable[[Values, Values, Values, str], Resolved] = as_given
    build: Callable[[Plan], Net] = no_net
    learner: Callable[[Setup], Learner] | None = None
    takes_missing: bool = False  # it deals with missing values itself
    scales: bool = False  # it learns better from numbers of one size
    ranks: bool = False  # it learns better from categories as ranks than as columns of their own
    on_gpu: bool = False  # it can learn on a GPU; images always can
    no_gpu: str = ""  # why it cannot: part of a sentence
    gpu_with: tuple[str, tuple[Value, ...]] | None = None  # only where this param is one of these
    predicts_on_gpu: bool = True  # there too, where it learns on one
    gpu_build: bool = False  # on GPUs only by a build of its library that not every node has
    gpu_library: str = ""  # on GPUs only by this library, which not every node has
    gpu_tasks: tuple[str, ...] = ()  # and of these tasks alone; (): of all
    spreads: bool = False  # several ranks can learn one model of a table; of images always
    listens: bool = False  # its ranks do so on all addresses: in a network of their own, or allowed
    # What its process takes on a CPU before it has a table, in MiB, where memory grows with the
    # encoded table alone, and so is foreseen; 0: it depends on more.
    process: int = 0
    squared: tuple[int, int] | None = None  # its time grows with the square of the rows: (rows, s)
    alone: tuple[str, Value] | None = None  # with this param it learns in one process even so
    from_disk: tuple[str, Value] | None = None  # with this param, rows that memory cannot hold
    gpu_pages: tuple[str, Value] | None = None  # with this one too, those that one GPU's cannot
    # What it takes of a GPU's memory, where that is foreseen: of its params, the rows, the encoded
    # columns of numbers and of marks, and the classes (0: a number).
    gpu_room: Callable[[Values, int, tuple[int, int], int], Need] | None = None
    library: str = ""  # the package that a node needs for it, when not all nodes have it
    predicts_alone: bool = False  # to predict with its models no node needs that package
    asks: tuple[str, Value, str] | None = None  # with this param it needs this library as well
    # Settings under the names of other tools or former versions become today's, and notes say so.
    translate: Callable[[Values], tuple[Values, list[str]]] = lambda given: today(given, {})
    # A training may go on from a model of this algorithm; these params must be the same in both.
    goes_on: tuple[str, ...] | None = None
    adds: str = ""  # this param says how many trees come to those that are there
    anew: str = ""  # why no training of this algorithm goes on: part of a sentence

    def named(self, given: Values) -> tuple[Values, list[str]]:
        """`translate`, where params under today's names may be those of a form that stands there.

        What is as by default nobody has said: another name for it, or what follows from one, wins.
        """
        defaults = self.params.defaults()
        still = {name: value for name, value in given.items() if defaults.get(name) == value}
        made, notes = self.translate({n: one for n, one in given.items() if n not in still})
        return {**still, **made}, notes

    def learns_from_disk(self, params: Values, device: str = "cpu") -> bool:
        """Whether one process learns from pages there: on disk, or beside a GPU (cuda)."""
        with_these = (self.from_disk, self.gpu_pages) if device != "cpu" else (self.from_disk,)
        return all(one is not None and params[one[0]] == one[1] for one in with_these)

    def asked(self, params: Values) -> str:
        """The library that learning with these params needs beside its own; empty: none."""
        name, value, library = self.asks or ("", None, "")
        return library if library and params.get(name) == value else ""

    def libraries(self, params: Values, device: str) -> tuple[str, ...]:
        """What a model depends on that learned with these params on a `device`, cpu or cuda."""
        on_gpu = self.gpu_library if device != "cpu" else ""
        return tuple(one for one in (self.library, self.asked(params), on_gpu) if one)

    @property
    def scoring_library(self) -> str:
        """What a node needs to predict with its models; "" where it needs nothing."""
        return "" if self.predicts_alone else self.library

    @property
    def scores_on_gpu(self) -> bool:
        return self.on_gpu and self.predicts_on_gpu
