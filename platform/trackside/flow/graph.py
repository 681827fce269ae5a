"""The Flow as nodes and edges. Pure: the rows come in as plain records, nothing is read or written.

Data go in one direction: a dataset feeds recipes, a recipe writes a saved model or a dataset, and
nothing may come to depend on what is made from it. What an evaluation finds goes into a store.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Type = Literal["dataset", "recipe", "saved_model", "evaluation_store", "table"]  # of a database


class Cycle(Exception):
    """A recipe's output would be made, over other recipes, from itself."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """One box. `state` is shown by a badge; `about` holds what the side panel lists."""

    type: Type
    name: str
    kind: str  # images, table; train, score, evaluate; the task of a saved model
    label: str = ""
    sub: str = ""
    state: str = "ready"
    reason: str = ""
    job: int | None = None
    progress: dict[str, Any] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return identity(self.type, self.name)


@dataclass(frozen=True, kw_only=True)
class Wiring:
    """What a recipe reads and writes, by name. A training recipe writes its saved model.

    An evaluation writes its store, and perhaps its history into the dataset `metrics`; a scoring
    may write a `table` of a database in place of a dataset.
    """

    name: str
    kind: str
    dataset: str
    saved_model: str
    output: str | None = None
    store: str | None = None
    metrics: str | None = None
    table: str | None = None


@dataclass(frozen=True)
class Graph:
    nodes: tuple[Item, ...]
    edges: tuple[tuple[str, str], ...]

    def as_dict(self) -> dict[str, Any]:
        """`GET /projects/{key}/flow`."""
        return {
            "nodes": [{"id": one.id, **asdict(one)} for one in self.nodes],
            "edges": [{"from": source, "to": target} for source, target in self.edges],
        }


def identity(type: Type, name: str) -> str:  # noqa: A002 - the field's name in REST
    return f"{type}:{name}"


def build(items: Iterable[Item], wirings: Iterable[Wiring]) -> Graph:
    """The graph, its nodes as data pass them. Edges to what is gone fall away."""
    known = {one.id: one for one in items}
    edges = [edge for wiring in wirings for edge in wires(wiring)]
    kept = tuple(sorted({edge for edge in edges if edge[0] in known and edge[1] in known}))
    return Graph(tuple(known[name] for name in ordered(known, kept)), kept)


def wires(wiring: Wiring) -> list[tuple[str, str]]:
    """The edges of one recipe."""
    box = identity("recipe", wiring.name)
    model = identity("saved_model", wiring.saved_model)
    edges = [(identity("dataset", wiring.dataset), box)]
    edges.append((box, model) if wiring.kind == "train" else (model, box))
    for name in (wiring.output, wiring.metrics):
        if name:
            edges.append((box, identity("dataset", name)))
    if wiring.table:
        edges.append((box, identity("table", wiring.table)))
    if wiring.store:
        edges.append((box, identity("evaluation_store", wiring.store)))
    return edges


def ordered(nodes: Iterable[str], edges: Iterable[tuple[str, str]]) -> list[str]:
    """Every node after all that it is made from; equals by name. Raises Cycle."""
    targets: dict[str, list[str]] = {name: [] for name in nodes}
    waits = dict.fromkeys(targets, 0)
    for source, target in edges:
        targets[source].append(target)
        waits[target] += 1
    free = sorted(name for name, count in waits.items() if not count)
    done: list[str] = []
    while free:
        done.append(free.pop(0))
        for target in sorted(targets[done[-1]]):
            waits[target] -= 1
            if not waits[target]:
                free.append(target)
    if len(done) < len(targets):
        stuck = sorted(name for name in targets if waits[name])
        raise Cycle(f"These would be made from themselves: {', '.join(stuck)}.")
    return done


def check(wirings: Iterable[Wiring], new: Wiring) -> None:
    """May this recipe be added? Raises Cycle with a sentence."""
    edges = [edge for one in (*wirings, new) for edge in wires(one)]
    try:
        ordered({end for edge in edges for end in edge}, edges)
    except Cycle:
        written = new.output or new.metrics or new.saved_model
        raise Cycle(
            f"{written} is already used to make what {new.name} reads. "
            f"Write into a new dataset instead."
        ) from None
