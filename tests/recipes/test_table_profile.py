"""What columns.json says of a column."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from recipes.data.tables import values
from recipes.data.tables.figures import Figures, bins, counted
from recipes.data.tables.values import Values
from tests.recipes.tables import taken


def test_figures_are_those_of_the_values(tmp_path: Path) -> None:
    lines = "".join(
        f"{n % 10},{n / 4},{'ab'[n % 2]},2019-01-{n % 28 + 1:02d}\n" for n in range(1000)
    )
    made = taken(tmp_path, f"i,f,t,d\n{lines},inf,,\n")
    i, f, t, d = made.columns
    assert (i["min"], i["max"], i["mean"], i["distinct"], i["missing"]) == (0, 9, 4.5, 10, 1)
    assert i["histogram"] == {"edges": [float(n) for n in range(11)], "counts": [100] * 10}
    assert i["top"][0] == {"value": 0, "count": 100}
    assert i["quantiles"]["50"] == 4.5
    assert f["std"] == pytest.approx(72.2049, abs=0.001)
    assert len(f["histogram"]["counts"]) == 30
    assert sum(f["histogram"]["counts"]) == 1000
    assert any("infinite" in one for one in f["warnings"])
    assert (t["min"], t["mean"], t["quantiles"], t["histogram"]) == (None, None, None, None)
    assert t["top"] == [{"value": "a", "count": 500}, {"value": "b", "count": 500}]
    assert (d["min"], d["max"], d["mean"]) == ("2019-01-01", "2019-01-28", None)
    assert d["histogram"]["edges"][:2] == ["2019-01-01", "2019-01-02"]


WARNINGS = {
    "constant": (["5", "5"], "constant"),
    "missing": (["", "NA"], "All values are missing"),
    "mostly missing": (["", "", "1"], "67% of the values are missing"),
    "ids": ([str(n) for n in range(30)], "like an id"),
    "mixed": (["1", "2", "3", "n.a."], "75% of the values are numbers, others are not, such as"),
    "some numbers": (["1", "b", "c", "d"], "25% of the values are numbers, others are not, such"),
    "codes": (["007", "008"], "begin with zeros"),
    "spaces": (["a", " b"], "begin or end with spaces"),
}


@pytest.mark.parametrize("case", WARNINGS)
def test_a_column_warns_of_what_a_model_would_stumble_over(tmp_path: Path, case: str) -> None:
    texts, says = WARNINGS[case]
    made = taken(tmp_path, "v,k\n" + "".join(f"{text},k\n" for text in texts))
    assert any(says in one for one in made.column("v")["warnings"]), made.column("v")["warnings"]


def test_more_than_half_a_million_values_are_described_too(tmp_path: Path) -> None:
    rows = 600_000
    made = taken(tmp_path, "n,t\n" + "".join(f"{n},{n % 3}x\n" for n in range(rows)))
    n = made.column("n")
    assert (n["distinct"], n["top"], n["max"]) == (None, [], rows - 1)
    assert any("like an id" in one for one in n["warnings"])
    assert sum(n["histogram"]["counts"]) == rows
    assert n["quantiles"]["50"] == pytest.approx(rows / 2, rel=0.02)
    assert made.column("t")["top"][0] == {"value": "0x", "count": rows // 3}


MOST = 1.7976931348623157e308


@pytest.mark.parametrize("low", [0.0, 1.5, -MOST])
def test_bins_end_at_the_largest_number(low: float) -> None:
    figures = Figures()
    figures.add(pa.array([low, MOST]))
    edges = bins(figures, "number")
    assert edges is not None
    assert (edges[0], edges[-1]) == (low, MOST)


@pytest.mark.parametrize("value", [0.0, 5.5, -5.5, MOST, -MOST])
def test_a_column_of_one_number_is_one_bin(value: float) -> None:
    there = pa.array([value, value])
    figures = Figures()
    figures.add(there)
    edges = bins(figures, "number")
    assert edges is not None
    assert np.isfinite(edges).all()
    assert edges[0] < edges[1]
    assert counted(there, edges, None) == [2]


def test_values_are_counted_over_many_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "COUNTED", 10)
    many, few = Values("integer"), Values("text")
    for block in range(9):
        few.add(pa.array([str(block % 3), "x"]))
        many.add(pa.array([block * 2, block * 2 + 1]))
    assert (few.distinct, few.rows) == (4, 18)
    assert few.top(2) == [{"value": "x", "count": 9}, {"value": "0", "count": 3}]
    assert (many.distinct, many.once, many.top(1)) == (None, True, [])


def test_zero_is_one_value() -> None:
    found = Values("number")
    found.add(pa.array([0.0, -0.0, 1.0]))
    found.add(pa.array([-0.0]))
    assert found.top(5) == [{"value": 0.0, "count": 3}, {"value": 1.0, "count": 1}]
