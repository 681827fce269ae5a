"""What a spreadsheet opens: a text never becomes a formula, a number stays one."""

import csv
from io import StringIO
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from tests.web.world import Rest, photos
from trackside.accounts.models import User
from trackside.datasets import queries, services
from trackside.datasets.models import Dataset, Picture
from trackside.projects.models import Project
from trackside.ui import spreadsheet

FORMULA = "=cmd|' /C calc'!A0"
STARTS = "=+-@\t\r\0\uff1d\uff0b\uff0d\uff20"


@pytest.mark.parametrize("text", [f"{one}x" for one in STARTS] + ["-", "-1+1", "+x1", "-inf", "@"])
def test_a_text_that_begins_like_a_formula_gets_an_apostrophe(text: str) -> None:
    assert spreadsheet.cell(text) == f"'{text}"


@pytest.mark.parametrize(
    "value", ["-0.5", "+3", "-1e-05", "-12", "-.5", -0.5, -3, "ants/1.jpg", "", "a=b", "'=1"]
)
def test_numbers_and_harmless_texts_stay(value: object) -> None:
    assert spreadsheet.cell(value) == value


@given(st.lists(st.lists(st.text(), min_size=2, max_size=4), min_size=1))
def test_read_back_no_cell_begins_a_formula(rows: list[list[str]]) -> None:
    text = b"".join(spreadsheet.pieces(rows)).decode()
    read = list(csv.reader(StringIO(text, newline="")))
    assert [len(row) for row in read] == [len(row) for row in rows]
    for was, now in zip((c for r in rows for c in r), (c for r in read for c in r), strict=True):
        assert now in (was, f"'{was}")
        assert spreadsheet.NUMBER.fullmatch(now) or now[:1] not in set(STARTS)


def test_a_long_table_comes_in_pieces_with_every_row() -> None:
    parts = list(spreadsheet.pieces((f"{n}.jpg", "ants") for n in range(20_000)))
    assert len(parts) > 2
    assert b"".join(parts).count(b"\n") == 20_000


def scored(project: Project) -> Dataset:
    table = services.output_dataset(project, "scored")
    home = queries.folder(table)
    home.mkdir(parents=True)
    with (home / "data.csv").open("w", newline="") as out:
        csv.writer(out).writerows([["path", "=prediction"], ["1.jpg", FORMULA], ["2.jpg", "-0.5"]])
    Dataset.objects.filter(pk=table.pk).update(state="ready", rows=2)
    return table


SAFE = [["path", "'=prediction"], ["1.jpg", f"'{FORMULA}"], ["2.jpg", "-0.5"]]


def lines(answer: Any) -> list[list[str]]:
    return list(csv.reader(StringIO(b"".join(answer.streaming_content).decode())))


@pytest.mark.django_db
def test_a_downloaded_table_is_safe_and_json_is_as_it_was(
    project: Project, ada: User, as_ada: Client
) -> None:
    scored(project)
    rest, rows = Rest(ada), "/projects/INSECTS/datasets/scored/rows"
    assert lines(as_ada.get("/p/INSECTS/datasets/scored/csv/")) == SAFE
    assert lines(rest.call("GET", rows, Accept="text/csv")) == SAFE
    assert rest.call("GET", rows).json()["rows"][0] == ["1.jpg", FORMULA]


@pytest.mark.django_db
def test_a_class_called_like_a_formula_is_safe_too(project: Project, ada: User) -> None:
    Picture.objects.filter(dataset=photos(project), number=0).update(label=FORMULA)
    answer = Rest(ada).call("GET", "/projects/INSECTS/datasets/photos/rows", Accept="text/csv")
    assert lines(answer)[1][1] == f"'{FORMULA}"
