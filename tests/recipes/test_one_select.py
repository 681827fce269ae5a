"""A person's query is one statement that reads; the sentence says why another is not run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes.sql.access import Trouble
from recipes.sql.one_select import checked


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("SELECT 1", "SELECT 1"),
        ("  select a\nfrom t ;  ", "select a\nfrom t"),
        ("SELECT 1; -- the end", "SELECT 1"),
        ("-- first\n/* a; b */ (SELECT 1) UNION (SELECT 2)", None),
        ("WITH x AS (SELECT 1) SELECT * FROM x", None),
        ("VALUES (1), (2)", None),
        ("SELECT ';', \"a;b\", `c;d`, 'it''s;' FROM t", None),
        ("SELECT $$ one; two $$, $tag$ ; $tag$", None),
        ("SELECT into_outfile FROM t", None),
        ("SELECT outfiles, my$outfile FROM t", None),
    ],
)
def test_a_query_that_reads_is_kept(query: str, kept: str | None) -> None:
    assert checked(query) == (query if kept is None else kept)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("", "is empty"),
        (" ; ", "Only a query that reads"),
        ("-- nothing", "Only a query that reads"),
        ("DROP TABLE t", "begins with DROP"),
        ("/* SELECT */ update t set a = 1", "begins with UPDATE"),
        ("EXPLAIN ANALYZE SELECT 1", "begins with EXPLAIN"),
        ("SELECT 1; SELECT 2", "more than one statement"),
        ("SELECT 1;;", "more than one statement"),
        ("SELECT 1; /* */ x", "more than one statement"),
        ("SELECT '; SELECT 2'; DELETE FROM t", "more than one statement"),
        ("SELECT 1 INTO OUTFILE '/tmp/x'", "writes a file"),
        ("SELECT 1 into\n/* */ dumpfile '/tmp/x'", "writes a file"),
        ("SELECT 1 /*!50000 INTO OUTFILE '/tmp/x' */", "writes a file"),
        ("SELECT 1 /*M! INTO OUTFILE '/tmp/x' */", "writes a file"),
        ("SELECT 7--1 INTO OUTFILE '/tmp/x'", "writes a file"),
        ("SELECT 'x' AS $$ INTO OUTFILE '/tmp/x'", "writes a file"),
        ("SELECT 'x' AS $a$ INTO DUMPFILE '/tmp/x'", "writes a file"),
        ("SELECT '\\' INTO OUTFILE '/tmp/x", "writes a file"),
        ("SELECT '\0'", "no database takes"),
        ("SELECT " + "1," * 60_000 + "1", "more than 100,000"),
    ],
)
def test_another_is_refused_with_a_sentence(query: str, sentence: str) -> None:
    with pytest.raises(Trouble, match=sentence):
        checked(query)


def test_what_only_mysql_would_run_is_a_text_elsewhere() -> None:
    said = "SELECT 'OUTFILE', '/*!'"
    assert checked(said, "postgresql") == said


@given(st.text(max_size=60), st.text(max_size=20))
def test_whatever_is_typed_is_kept_or_refused(query: str, more: str) -> None:
    for one in (query, f"SELECT {query}", f"SELECT {query}; {more}"):
        try:
            kept = checked(one)
        except Trouble:
            continue
        assert one.strip().startswith(kept)
        assert checked(kept) == kept
