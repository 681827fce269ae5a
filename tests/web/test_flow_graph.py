"""The graph is whole and never goes round in circles, whatever recipes are made."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackside.flow.graph import Cycle, Item, Wiring, build, check, ordered

DATASETS = [f"d{n}" for n in range(5)]
MODELS = [f"m{n}" for n in range(3)]
wishes = st.lists(
    st.builds(
        lambda kind, dataset, model, output: (kind, dataset, model, output),
        st.sampled_from(["train", "score"]),
        st.sampled_from(DATASETS),
        st.sampled_from(MODELS),
        st.sampled_from(DATASETS),
    ),
    max_size=14,
)


def wiring(number: int, wish: tuple[str, str, str, str]) -> Wiring:
    kind, dataset, model, output = wish
    return Wiring(
        name=f"r{number}",
        kind=kind,
        dataset=dataset,
        saved_model=model,
        output=output if kind == "score" else None,
    )


def items(wirings: list[Wiring]) -> list[Item]:
    boxes = [Item(type="recipe", name=one.name, kind=one.kind) for one in wirings]
    data = [Item(type="dataset", name=name, kind="images") for name in DATASETS]
    return boxes + data + [Item(type="saved_model", name=name, kind="t") for name in MODELS]


def accepted(asked: list[tuple[str, str, str, str]]) -> list[Wiring]:
    kept: list[Wiring] = []
    for number, wish in enumerate(asked):
        new = wiring(number, wish)
        try:
            check(kept, new)
        except Cycle:
            continue
        kept.append(new)
    return kept


@given(wishes)
def test_what_was_accepted_is_acyclic_and_every_edge_has_two_ends(
    asked: list[tuple[str, str, str, str]],
) -> None:
    kept = accepted(asked)
    graph = build(items(kept), kept)
    names = [node.id for node in graph.nodes]
    assert len(set(names)) == len(names) == len(items(kept))
    place = {name: number for number, name in enumerate(names)}
    for source, target in graph.edges:
        assert place[source] < place[target]


@given(wishes)
def test_edges_to_what_is_gone_fall_away(asked: list[tuple[str, str, str, str]]) -> None:
    kept = accepted(asked)
    left = [one for one in items(kept) if one.name not in ("d0", "m0")]
    graph = build(left, kept)
    names = {node.id for node in graph.nodes}
    assert all(source in names and target in names for source, target in graph.edges)


@given(wishes)
def test_the_order_does_not_depend_on_the_order_of_the_rows(
    asked: list[tuple[str, str, str, str]],
) -> None:
    kept = accepted(asked)
    assert build(items(kept), kept) == build(items(kept)[::-1], kept[::-1])


def test_a_scoring_cannot_write_what_it_reads() -> None:
    with pytest.raises(Cycle, match="Write into a new dataset"):
        check([], Wiring(name="r", kind="score", dataset="d", saved_model="m", output="d"))


def test_a_circle_is_named() -> None:
    with pytest.raises(Cycle, match="a, b"):
        ordered(["a", "b", "c"], [("a", "b"), ("b", "a")])
