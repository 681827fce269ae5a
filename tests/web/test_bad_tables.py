"""Bad tables on their way from the upload to Train: each gets its sentence before it trains."""

from typing import Any

import pyarrow as pa
import pytest
from django.test import Client

from tests.web import cast
from tests.web.bad_tables import Bad, must_be_told, uploaded
from tests.web.table_stage import finish
from tests.web.table_stage import uploaded as stood
from trackside.accounts.models import User
from trackside.datasets import corrections, services
from trackside.lab import services as lab
from trackside.lab import trouble
from trackside.lab.diagnostics_table import _classes
from trackside.projects.models import Project

ROWS = 240
SOUND = pa.table({"size": [n * 0.5 for n in range(40)], "wild": [n * 1.5 for n in range(40)]})
TEXTS = pa.array([f"no {n}" for n in range(40)])


def table(rows: int = ROWS, good: str = "yn", **columns: Any) -> bytes:
    """`columns` are functions of the row's number; without any there is one of no harm."""
    made = {"size": lambda n: f"{n * 7 % 101}.5", **columns}
    lines = [",".join([*made, "good"])]
    for n in range(rows):
        lines.append(",".join([*(str(one(n)) for one in made.values()), good[n % len(good)]]))
    return "\n".join(lines).encode() + b"\n"


def wide(columns: int) -> bytes:
    lines = [",".join([*(f"c{n}" for n in range(columns)), "good"])]
    lines += [
        ",".join([*(str((n + k) % 7) for k in range(columns)), "yn"[n % 2]]) for n in range(8)
    ]
    return "\n".join(lines).encode()


BAD = {
    "no byte": Bad(b"", upload="bad.csv is empty"),
    "zero rows": Bad(b"size,good\n", fails="only a header and no rows"),
    "one row": Bad(
        table(rows=1), problem="a single row: nothing can be learned", analysis="has 1 row; 5 is"
    ),
    "four rows": Bad(table(rows=4), analysis="has 4 rows; 5 is the least to learn from"),
    "one column": Bad(b"good\n" + b"y\nn\n" * 9, analysis="has one column"),
    "one class": Bad(table(good="y"), analysis="'good' has one value in all rows"),
    "a class of few rows": Bad(
        table(good="y" * 80 + "n"), finding="1 class has under 20 rows n (2)"
    ),
    "a class of one row": Bad(
        table(good="n" * (ROWS - 1) + "y"),
        finding="A class cannot be judged y has one row, which cannot both train and judge: ROC",
    ),
    "hundreds of classes, most of one row": Bad(
        table(rows=150, key=lambda n: f"k{max(n, 30)}"),
        target="key",
        finding="119 classes cannot be judged 119 have one row",
    ),
    "a class for each row": Bad(
        table(rows=150, key=lambda n: f"k{n}"),
        target="key",
        analysis="'key' has 150 classes and each has one row",
    ),
    "a target that is all missing": Bad(
        table(good="-"), warning="All values are missing", analysis="All values of 'good' are"
    ),
    "a target of texts of their own": Bad(
        table(key=lambda n: f"k{n * 7919}"), target="key", analysis="'key' has 240 values"
    ),
    "all missing": Bad(
        table(gone=lambda n: "NA"),
        warning="All values are missing",
        finding="gone: all values are missing",
    ),
    "nothing but missing": Bad(
        table(size=lambda n: "NA"),
        warning="All values are missing",
        finding="Nothing to learn from",
        train="No column is left to learn from",
    ),
    "constant": Bad(
        table(same=lambda n: 7),
        warning="It is constant",
        finding="same: it has one value only",
    ),
    "nothing but constants": Bad(
        table(size=lambda n: "x"), finding="Nothing to learn from", train="No column is left"
    ),
    "an id": Bad(
        table(number=lambda n: n),
        warning="Each value is there once, like an id",
        finding="number: it numbers the rows",
    ),
    "more columns than rows": Bad(  # ten thousand: test_table_wide.py
        wide(100), finding="100 columns for 8 rows: models find patterns"
    ),
    "mixed types": Bad(
        table(mixed=lambda n: n if n % 9 else "unknown"),
        warning="Its types are mixed",
        finding="mixed: Its types are mixed",
    ),
    "infinite values": Bad(
        table(wild=lambda n: "-inf" if n % 50 == 0 else n * 0.5),
        warning="Some values are infinite (5)",
        finding="wild: Some values are infinite (5). They count as missing.",
    ),
    "an infinite target": Bad(
        table(wild=lambda n: "inf" if n % 50 == 0 else n * 0.5 + n % 3),
        target="wild",
        warning="Some values are infinite (5)",
        finding="wild: Some values are infinite (5). These rows are left out.",
    ),
    "duplicate names": Bad(
        table(**{" size": lambda n: n % 5}), problem="It has the name of another column"
    ),
    "control characters in a name": Bad(
        table(**{"wi\x01\x1bdth": lambda n: n % 5}),
        problem="It has control characters in its name and is called 'width' here",
    ),
    "not UTF-8": Bad(
        table(town=lambda n: "x\xe9"[n % 2]).decode().encode("latin-1"), problem="not UTF-8"
    ),
    "lines of another length": Bad(table() + b"1,2,3\n", problem="left out"),
    "a picture": Bad(b"\x89PNG\r\n\x1a\n" + b"\0" * 60, fails="PNG"),
    "an option for a column that is not there": Bad(
        table(), read={"missing": {"nose": [""]}}, problem="There is no such column"
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_each_bad_table_gets_its_sentence_before_it_trains(
    project: Project, ada: User, as_ada: Client, case: str
) -> None:
    bad = BAD[case]
    cast.node()
    if bad.upload:
        with pytest.raises(services.BadDataset, match=bad.upload):
            uploaded(project, ada, bad)
        return
    must_be_told(uploaded(project, ada, bad), bad, ada, as_ada)


@pytest.mark.parametrize(
    ("column", "said"), [("size", "Features do not fit"), ("wild", "cannot be learned")]
)
def test_a_design_whose_columns_were_corrected_says_what_no_longer_fits(
    project: Project, ada: User, as_ada: Client, column: str, said: str
) -> None:
    cast.node()
    one = stood(project, ada, "people", SOUND)
    analysis = lab.create_analysis(project, ada, "study", one, "wild")
    lab.save_design(analysis, "features", {"size": {"missing": "impute_mean"}})
    corrections.correct(one, ada, {column: "text"})
    finish(one, SOUND.set_column(SOUND.schema.get_field_index(column), column, TEXTS))
    for tab in ("target", "split", "features", "metrics", "runtime"):
        page = as_ada.get(f"/p/INSECTS/lab/study/design/{tab}/")
        assert said in page.content.decode(), tab
    with pytest.raises(trouble.Refused, match=column):
        lab.train(analysis, ada, {"kind": "cpu", "ranks": 1})


def test_a_lone_class_beyond_the_counted_ones_has_no_name() -> None:
    """Of twelve classes the import names ten; the other two have three rows, so one has one."""
    top = [{"value": f"k{n}", "count": 3} for n in range(10)]
    target = {"name": "key", "top": top, "distinct": 12, "missing": 0}
    design = {"task": "multiclass", "rebalance": False}
    said = [one.text for one in _classes(target, 33, design)]
    assert "One has one row, which cannot both train and judge" in said[-1]
