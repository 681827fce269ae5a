"""Which rows of a table are chosen to learn from, whatever the blocks in which they come."""

from collections import Counter

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from recipes.engine.metrics import Ints
from recipes.engine.tabular.sampling import Chosen, Drawn, First, Latest
from tests.recipes.tabling import small


def chosen(found: Chosen, table: pa.Table, cuts: list[int]) -> list[int]:
    """Of the table's rows, which come in blocks that end at these places."""
    ends = sorted({*cuts, len(table)})
    for start, end in zip([0, *ends], ends, strict=False):
        found.take(np.arange(start, end), table.slice(start, end - start))
    made: Ints = found.rows()
    return [int(one) for one in made]


@given(cuts=st.lists(st.integers(1, 299), max_size=12), most=st.integers(1, 320))
def test_which_rows_are_drawn_does_not_depend_on_how_they_come(cuts: list[int], most: int) -> None:
    table = small(300)
    for target in ("", "colour"):
        drawn = chosen(Drawn(most, 7, target), table, cuts)
        assert drawn == chosen(Drawn(most, 7, target), table, [])
        assert drawn == sorted(set(drawn))
        assert len(drawn) == min(most, 300)
    there = Counter(table["colour"].to_pylist())
    shares = [chosen(Drawn(most, 7, "colour", there), table, one) for one in (cuts, [])]
    assert shares[0] == shares[1]
    for how in (("",), ("colour",), ("colour", there)):
        fewer = chosen(Drawn(most, 7, *how), table, cuts)
        assert set(fewer) <= set(chosen(Drawn(most + 5, 7, *how), table, cuts)), "a part of more"


def test_each_row_has_the_same_chance() -> None:
    """Of 2,000 samples of 10 rows out of 50 each row is in 400, give or take four deviations."""
    table = small(50)
    counts = Counter(
        row for seed in range(2_000) for row in chosen(Drawn(10, seed, ""), table, [13, 20, 41])
    )
    assert len(counts) == 50
    assert all(abs(n - 400) < 4 * np.sqrt(2_000 * 0.2 * 0.8) for n in counts.values())


def test_balanced_rows_are_as_many_of_each_class_as_there_are() -> None:
    classes = pa.table({"class": ["a"] * 30 + ["b"] * 3 + ["c"] * 100})
    drawn = chosen(Drawn(33, 1, "class"), classes, [10, 31, 60])
    names = classes.column("class").to_pylist()
    assert Counter(names[row] for row in drawn) == {"a": 15, "b": 3, "c": 15}


@given(
    counts=st.lists(st.integers(1, 150), min_size=1, max_size=9),
    most=st.integers(1, 400),
    seed=st.integers(0, 50),
)
def test_stratified_rows_keep_each_classs_share_and_lose_none(
    counts: list[int], most: int, seed: int
) -> None:
    """There is one share of which all classes have their rows rounded, or one row."""
    names = [f"c{code}" for code, n in enumerate(counts) for _ in range(n)]
    table = pa.table({"class": np.random.default_rng(seed).permutation(names)})
    there = Counter(names)
    drawn = chosen(Drawn(most, seed, "class", there), table, [len(names) // 2])
    assert len(drawn) == min(most, len(names))
    got = Counter(table["class"].to_pylist()[row] for row in drawn)
    assert len(got) == min(most, len(counts))
    lost = max((there[one] for one in there if one not in got), default=0)
    assert lost <= min(there[one] for one in got), "where there is no room, the rarest ones"
    least = [(n - 0.5) / there[one] for one, n in got.items() if n > 1]
    most_of = [(n + 0.5) / there[one] for one, n in got.items() if n < there[one]]
    assert max(least, default=0) <= min(most_of, default=1)


def test_the_newest_rows_are_those_of_the_last_times_and_the_last_places() -> None:
    table = pa.table({"when": [5, 9, 9, 1, 9, 8, 7]})
    assert chosen(Latest(3, "when"), table, [2, 3]) == [1, 2, 4]
    assert chosen(Latest(2, "when"), table, [2, 3]) == [2, 4]
    assert chosen(Latest(5, "when"), table, []) == [1, 2, 4, 5, 6]


def test_the_first_rows_end_the_pass() -> None:
    found = First(3)
    assert chosen(found, small(10), [2, 5]) == [0, 1, 2]
    assert found.full
