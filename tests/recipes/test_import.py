"""An import job: the bytes decide whether a table or pictures were uploaded."""

import json
from pathlib import Path
from typing import Any

import pytest

from recipes import job as jobs
from recipes.job import Compute, Job
from tests.recipes import hostile
from tests.recipes.making import events, recipes
from tests.recipes.tables import workbook
from tests.recipes.test_intake_real import link


def imported(home: Path, archive: Path, **spec: Any) -> Path:
    """The folder of a job that was run as a node runs it."""
    folder = home / "job"
    given = {"archive": str(archive), "name": archive.name, **spec}
    jobs.write(folder, Job(job=1, kind="import", spec=given, compute=Compute()))
    recipes(folder)
    return folder


def made(home: Path, name: str) -> Path:
    path = home / name
    if name == "table.xlsx":
        return workbook(path, {"One": [["a"], [1], [2]]})
    if name == "pictures.zip":
        return hostile.zipped(path, [("a/1.jpg", hostile.jpeg(1)), ("b/2.jpg", hostile.jpeg(2))])
    path.write_bytes(b"a,b\n1,x\n2,y\n")
    return path


LAYOUTS = {"table.csv": "table", "table.xlsx": "table", "pictures.zip": "class_folders"}


@pytest.mark.parametrize("name", LAYOUTS)
def test_what_it_is_the_bytes_decide(tmp_path: Path, name: str) -> None:
    folder = imported(tmp_path, made(tmp_path, name))
    facts = events(folder, "finished")[0]["facts"]
    assert facts["layout"] == LAYOUTS[name]
    assert json.loads((folder / "output" / "facts.json").read_text()) == facts
    phases = [event["name"] for event in events(folder, "phase")]
    assert phases == ["read", "report"]
    last = events(folder, "progress")[-1]
    assert last["done"] == last["of"]


WRONG = {
    "table": ("pictures.zip", {"kind": "table"}, "Import it as images"),
    "images": ("table.csv", {"kind": "images"}, "A zip or tar.gz of pictures is needed"),
    "sound": ("table.csv", {"kind": "sound"}, "Known: auto, images, table"),
    "read": ("table.csv", {"read": {"encoding": "x"}}, "no encoding 'x'"),
    "type": ("table.csv", {"types": {"a": "x"}}, "Types are text, integer"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_import_ends_in_a_sentence(tmp_path: Path, case: str) -> None:
    name, spec, says = WRONG[case]
    folder = imported(tmp_path, made(tmp_path, name), **spec)
    failed = events(folder, "failed")[0]
    assert says in failed["message"]
    assert failed["code"] in ("bad_data", "bad_job")


REAL = {
    "titanic.csv": (
        891,
        {"survived": "integer", "sex": "text", "age": "number", "fare": "number",
         "adult_male": "boolean", "alive": "boolean", "alone": "boolean", "class": "text"},
        {"age": 177, "deck": 688, "embarked": 2, "sex": 0},
    ),
    "adult.csv": (
        32_561,
        {"age": "integer", "fnlwgt": "integer", "education_num": "integer", "income": "text",
         "hours-per-week": "integer", "capital_gain": "integer"},
        {"workclass": 1836, "occupation": 1843, "native-country": 583, "age": 0},
    ),
    "taxis.csv": (
        6433,
        {"pickup": "datetime", "dropoff": "datetime", "passengers": "integer", "fare": "number",
         "color": "text", "payment": "text"},
        {"payment": 44, "pickup_zone": 26, "dropoff_zone": 45, "pickup": 0},
    ),
    "diamonds.csv": (
        53_940,
        {"carat": "number", "cut": "text", "depth": "number", "price": "integer", "x": "number"},
        {"price": 0},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REAL)
def test_real_tables_have_the_types_that_a_person_expects(tmp_path: Path, name: str) -> None:
    rows, types, missing = REAL[name]
    folder = imported(tmp_path, link(tmp_path, name))
    facts = events(folder, "finished")[0]["facts"]
    assert (facts["rows"], facts["left_out"], facts["problems"]) == (rows, 0, 0)
    columns = {one["name"]: one for one in json.loads((folder / "output/columns.json").read_text())}
    assert {column: columns[column]["type"] for column in types} == types
    assert {column: columns[column]["missing"] for column in missing} == missing
