"""Tables: windows of their rows, the tabs of their page, downloads."""

from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from django.http import Http404
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from tests.web.table_stage import BYTES, LONG, PEOPLE, PROBLEMS, uploaded
from trackside.accounts.models import User
from trackside.datasets import profile, services, tables
from trackside.datasets.models import Dataset
from trackside.datasets.table_parquet import ParquetTable
from trackside.projects.models import Project

HOME = "/p/INSECTS/datasets/people/"


@pytest.fixture
def people(project: Project, ada: User) -> Dataset:
    return uploaded(project, ada, "people", PEOPLE, BYTES, problems=PROBLEMS)


def window(client: Client, **asked: Any) -> Any:
    return client.get(f"{HOME}rows/", {"offset": 0, "limit": 9, "first": 0, "count": 9, **asked})


def test_a_window_has_every_value_exact(people: Dataset) -> None:
    table = tables.table(people)
    assert table.names == PEOPLE.column_names
    assert table.window(0, 9, list(range(7))) == [
        [22, "=cmd()", 7.25, True, "1890-01-02", "1912-04-10 12:30:00", LONG],
        [None, "Zoë <b>", "inf", False, None, None, None],
        [35, None, None, None, "1870-05-06", None, 7],
    ]
    assert table.window(1, 1, [6, 1]) == [[None, "Zoë <b>"]]
    assert table.window(3, 9, [0]) == table.window(10**15, 9, [0]) == table.window(0, 0, [0]) == []


ROWS = 1000


@pytest.fixture(scope="module")
def grouped(tmp_path_factory: pytest.TempPathFactory) -> ParquetTable:
    """Row groups of 64 rows, and a column whose name begins like another's."""
    path = tmp_path_factory.mktemp("grouped") / "t.parquet"
    numbers = list(range(ROWS))
    made = pa.table({"n": numbers, "n.text": [f"row {n}" for n in numbers]})
    parquet.write_table(made, path, row_group_size=64)
    return ParquetTable(path)


@given(offset=st.integers(0, ROWS + 50), limit=st.integers(0, 200))
def test_windows_across_row_groups_are_slices(
    grouped: ParquetTable, offset: int, limit: int
) -> None:
    rows = grouped.window(offset, limit, [1, 0])
    assert rows == [[f"row {n}", n] for n in range(ROWS)[offset : offset + limit]]


def test_all_lines_come_in_order(grouped: ParquetTable) -> None:
    assert [row[0] for row in grouped.lines()] == list(range(ROWS))


def test_what_has_no_rows_is_absent(project: Project) -> None:
    planned = services.output_dataset(project, "scored")
    with pytest.raises(Http404, match="scored has no rows yet"):
        tables.table(planned)
    assert tables.columns(planned) == []


def test_the_grid_gets_texts_and_long_numbers_whole(people: Dataset, as_cleo: Client) -> None:
    rows = window(as_cleo).json()["rows"]
    assert rows[0][3:] == ["true", "1890-01-02", "1912-04-10 12:30:00", str(LONG)]
    assert rows[2][1] is None
    assert window(as_cleo, first=1, count=1, offset=1, limit=1).json()["rows"] == [["Zoë <b>"]]


def test_a_very_long_text_is_cut_in_the_grid_alone(
    project: Project, ada: User, as_cleo: Client
) -> None:
    one = uploaded(project, ada, "people", pa.table({"t": ["x" * 5000]}))
    assert len(window(as_cleo).json()["rows"][0][0]) == 301
    assert tables.table(one).window(0, 1, [0]) == [["x" * 5000]]


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"limit": 201}, 422),
        ({"count": 101}, 422),
        ({"offset": -1}, 422),
        ({"offset": "9" * 40}, 422),
        ({"first": "x"}, 422),
        ({"limit": ""}, 422),
        ({"v": "another"}, 409),
        ({"offset": 10**14}, 200),
        ({"first": 900}, 200),
    ],
)
def test_windows_have_limits(
    people: Dataset, as_cleo: Client, asked: dict[str, Any], status: int
) -> None:
    answer = window(as_cleo, **asked)
    assert answer.status_code == status
    assert ("error" in answer.json()) == (status != 200)


def test_to_an_outsider_the_table_looks_absent(people: Dataset, as_dan: Client) -> None:
    assert window(as_dan).status_code == 404
    for page in ("", "csv/", "parquet/"):
        assert as_dan.get(HOME + page).status_code == 404
    assert as_dan.post(f"{HOME}types/").status_code == 404


@pytest.mark.parametrize("tab", ["rows", "columns", "problems", "images", "nonsense"])
def test_every_tab_of_a_table_renders(people: Dataset, as_cleo: Client, tab: str) -> None:
    answer = as_cleo.get(HOME, {"tab": tab})
    assert answer.status_code == 200
    assert b"<b>" not in answer.content.partition(b"<main")[2].replace(b"Zo\xc3\xab <b>", b"!!")


def test_the_columns_are_found_by_name_and_by_warning(
    project: Project, ada: User, as_cleo: Client
) -> None:
    wide = pa.table({f"c{n}": pa.array([n or None], pa.int64()) for n in range(120)})
    uploaded(project, ada, "people", wide)

    def count(**query: str) -> int:
        return as_cleo.get(HOME, {"tab": "columns", **query}).content.count(b"data-column=")

    assert (count(), count(page="3"), count(q="c11"), count(q="C119")) == (50, 20, 11, 1)
    assert (count(only="warned"), count(q="<b>")) == (1, 0)


def test_downloads_are_the_csv_without_formulas_and_the_parquet_itself(
    people: Dataset, as_cleo: Client
) -> None:
    answer: Any = as_cleo.get(f"{HOME}csv/")
    lines = b"".join(answer.streaming_content).decode().splitlines()
    assert lines[1] == f"22,'=cmd(),7.25,true,1890-01-02,1912-04-10 12:30:00,{LONG}"
    assert lines[2] == ",Zoë <b>,inf,false,,,"
    below = pa.table({"n": [float("-inf"), 1.0], "t": ["-inf", ""]})
    uploaded(people.project, people.created_by, "below", below)  # type: ignore[arg-type]
    answer = as_cleo.get("/p/INSECTS/datasets/below/csv/")
    assert b"".join(answer.streaming_content).split() == [b"n,t", b"-inf,'-inf", b"1.0,"]
    answer = as_cleo.get(f"{HOME}parquet/")
    assert answer["Content-Disposition"] == 'attachment; filename="people.parquet"'
    whole = b"".join(answer.streaming_content)
    assert parquet.read_table(pa.BufferReader(whole)).equals(PEOPLE)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1234567, "1,234,567"),
        (0.5, "0.5"),
        (-3.0, "-3"),
        (-0.33333, "-0.3333"),
        (1234.56789, "1,234.57"),
        (1234567.999, "1,234,568"),
        (1e-7, "1e-07"),
        (1.5e12, "1.5e+12"),
        (float("nan"), "nan"),
        (True, "true"),
        ("x" * 90, "x" * 80 + "…"),
    ],
)
def test_figures_have_as_many_digits_as_a_person_compares(value: Any, text: str) -> None:
    assert profile.figure(value) == text


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=30))
def test_bars_stay_in_their_picture_and_show_what_is_there(counts: list[int]) -> None:
    histogram = {"counts": counts, "edges": list(range(len(counts) + 1))}
    column = {"name": "n", "type": "integer", "histogram": histogram}
    bars = profile.portrait(0, column, sum(counts)).bars
    assert len(bars) == len(counts)
    for bar, count in zip(bars, counts, strict=True):
        assert (bar.height > 0) == (count > 0)
        assert 0 <= bar.x <= bar.x + bar.width <= profile.WIDTH + 1
        assert 0 <= bar.y <= bar.y + bar.height <= profile.HEIGHT + 0.02
