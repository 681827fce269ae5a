"""A job reads the table that it was started on, or says that there is another one by now."""

import json
import shutil
from pathlib import Path

import pytest

from recipes.data.listing import BadData
from recipes.data.table import unchanged
from tests.recipes.tabling import dataset, job, run, small

SENTENCE = "The dataset people was corrected while the job waited; start it again."


def corrected(data: dict[str, str]) -> None:
    facts = Path(data["folder"]) / "facts.json"
    facts.write_text(json.dumps({"layout": "table", "fingerprint": "another"}))


def test_a_training_whose_table_was_corrected_meanwhile_says_so(tmp_path: Path) -> None:
    data = {**dataset(tmp_path / "data", small()), "name": "people"}
    folder = job(tmp_path, data, "good")
    corrected(data)
    with pytest.raises(BadData, match=SENTENCE):
        run(folder)


def test_the_same_table_another_one_and_none(tmp_path: Path) -> None:
    data = dataset(tmp_path / "data", small())
    folder = Path(data["folder"])
    assert unchanged(data) == folder  # what a recipe wrote has no fingerprint beside it
    corrected(data)
    assert unchanged({"folder": data["folder"]}) == folder  # as by hand: no fingerprint is meant
    assert unchanged({**data, "fingerprint": "another"}) == folder
    with pytest.raises(BadData, match="The dataset was corrected"):
        unchanged(data)
    shutil.rmtree(folder)
    with pytest.raises(BadData, match="corrected while the job waited"):
        unchanged(data)
