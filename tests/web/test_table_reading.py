"""How a table's file is read, as the form shows it and sends it back."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from recipes import uploads
from tests.web.table_stage import BYTES, PEOPLE, finish, uploaded
from trackside.accounts.models import User
from trackside.datasets import corrections, reading, services
from trackside.datasets.models import Dataset
from trackside.datasets.reading import Wish
from trackside.datasets.reading_form import as_form, choices, from_form, gaps
from trackside.datasets.trouble import BadDataset
from trackside.jobs.models import Job
from trackside.projects.models import Project

HOME = "/p/INSECTS/datasets/people/"
TEXT = st.text(max_size=12)
MISSING = st.dictionaries(
    st.one_of(st.just("*"), TEXT), st.lists(TEXT, max_size=4, unique=True), max_size=4
)
READ = st.fixed_dictionaries(
    {},
    optional={
        "delimiter": st.sampled_from([",", ";", "\t", "\x01", "~"]),
        "encoding": st.sampled_from(["utf-8", "latin-1", "cp500", "utf-16-le"]),
        "header": st.booleans(),
        "sheet": st.sampled_from(["2024", " a  b "]),
        "missing": MISSING.filter(bool),
    },
)


@given(READ)
def test_a_form_that_nobody_touched_changes_nothing(read: dict[str, Any]) -> None:
    sent = {name: value.replace("\n", "\r\n") for name, value in as_form(read).items()}
    assert from_form(sent, read) == read
    offered = choices(as_form(read))
    assert as_form(read)["delimiter"] in {"", *offered["delimiters"]}
    assert as_form(read)["encoding"] in {"", *offered["encodings"]}


SAID = [
    ({}, {"missing": "usual", "texts": "x"}, None),
    ({}, {"missing": "empty"}, {"*": [""]}),
    ({}, {"missing": "these", "texts": "NA, none,, NA"}, {"*": ["", "NA", "none"]}),
    ({}, {"missing": "these", "texts": '"a, b", c'}, {"*": ["", "a, b", "c"]}),
    ({}, {"missing": "these", "texts": ""}, {"*": [""]}),
    ({}, {"single": "country:"}, {"country": [""]}),
    ({}, {"single": 'age: -1, 999\r\n\r\n"a:b": x'}, {"age": ["", "-1", "999"], "a:b": ["", "x"]}),
    ({"*": [""]}, {"single": "age: -1"}, {"*": [""], "age": ["", "-1"]}),
    ({"*": ["x,y"]}, {"missing": "usual"}, None),
    ({"a": ["1,5"], "b": ["x"]}, {"single": 'a: "1,5"\nb: z'}, {"a": ["1,5"], "b": ["", "z"]}),
    ({"a": ["x"]}, {"single": ""}, None),
]


@pytest.mark.parametrize(("before", "sent", "after"), SAID)
def test_what_is_missing_can_be_said_for_all_columns_and_for_one(
    before: dict[str, list[str]], sent: dict[str, str], after: dict[str, list[str]] | None
) -> None:
    read = {"missing": before} if before else {}
    assert from_form({**as_form(read), **sent}, read).get("missing") == after


@pytest.mark.parametrize("line", ["country", ": NA", '"": x', 'a "b": x'])
def test_a_line_that_names_no_column_is_refused(line: str) -> None:
    with pytest.raises(BadDataset, match="Line 1 of 'Other texts in single columns'"):
        from_form({"single": line})


@pytest.mark.parametrize("line", [" " * 60_000 + "x", '"' * 60_001, "a" + " " * 60_000 + '"'])
def test_a_line_of_spaces_or_quotes_is_read_once_and_not_again_and_again(line: str) -> None:
    with pytest.raises(BadDataset, match="Line 1 of 'Other texts in single columns'"):
        from_form({"single": line})


@pytest.mark.parametrize("sent", ["a: 1\n" * 20_002, "a:" + "x," * 40_000])
def test_a_field_that_nobody_writes_by_hand_is_refused_before_it_is_read(sent: str) -> None:
    for field in ({"single": sent}, {"missing": "these", "texts": sent}):
        with pytest.raises(BadDataset, match="at most 64 kB, and at most 20,000 lines"):
            from_form(field)
    long = {"missing": {f"column {n:05}": ["x"] for n in range(9_000)}}
    shown = as_form(long)
    assert len(shown["single"]) > 2 * 64 << 10
    told = from_form({**shown, "single": f"{shown['single']}\nb: y"}, long)["missing"]
    assert (len(told), told["b"]) == (9_001, ["", "y"])


def test_a_correction_of_one_type_leaves_how_the_file_is_read(
    project: Project, ada: User, ben: User, as_ben: Client
) -> None:
    people = uploaded(project, ada, "people", PEOPLE, BYTES)
    read = {"delimiter": "\x01", "encoding": "cp500", "missing": {"*": [""], "name": ["a,b"]}}
    corrections.correct(people, ben, {}, read)
    finish(Dataset.objects.get(pk=people.pk), PEOPLE)
    page = as_ben.get(HOME, {"tab": "columns"}).content.decode()
    assert 'value="cp500" selected' in page
    assert 'name="missing" value="empty" checked' in page
    as_ben.post(f"{HOME}types/", {"type.0": "text", **as_form(read)})
    spec = Job.objects.latest("pk").spec
    assert (spec["types"], spec["read"]) == ({"age": "text"}, read)


def test_trying_again_keeps_what_the_form_cannot_say(
    project: Project, ada: User, as_ben: Client
) -> None:
    file: Any = SimpleUploadedFile("people.csv", b"1;2")
    read = {"missing": {"*": [""], "a": ["x", ""]}}
    services.upload(project, ada, "people", file, Wish(read=read))
    Job.objects.update(state="failed", reason="The table has only a header and no rows.")
    as_ben.post(f"{HOME}retry/", {**as_form(read), "header": "no"})
    assert Job.objects.latest("pk").spec["read"] == {**read, "header": False}


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({}, "empty cells and NA, N/A, NaN, null, NULL, None, ?, -"),
        ({"read": {"missing": {"*": [""]}}}, "empty cells"),
        (
            {"read": {"missing": {"*": ["x", ""], "a": [], "b": []}}},
            "empty cells and x; others in a, b",
        ),
        ({"format": "parquet"}, "nulls"),
        ({"format": "parquet", "read": {"missing": {"*": ["x"]}}}, "nulls and x"),
        ({"read": {"missing": {"*": []}}}, "none"),
    ],
)
def test_the_page_says_what_counted_as_missing(facts: dict[str, Any], said: str) -> None:
    assert gaps(facts) == said


def test_the_web_offers_the_types_that_an_import_knows() -> None:
    assert tuple(reading.TYPES) == uploads.TYPES
