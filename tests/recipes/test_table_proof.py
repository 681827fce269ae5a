"""A written model is kept if it is the trained one, which float32 and ties do not disprove."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from recipes.bundle import BadBundle
from recipes.engine.metrics import Floats
from recipes.engine.peers import Peers
from recipes.engine.tabular import apart, proof, report
from recipes.engine.tabular.model import Model
from recipes.job import read
from recipes.kinds import KINDS
from tests.recipes import tabling
from tests.recipes.making import events
from tests.recipes.test_table_contributions import fitted, table


class Otherwise:
    """A learner whose predictions something happens to."""

    def __init__(self, learner: Any, change: Any) -> None:
        self._learner = learner
        self._change = change

    def predict(self, matrix: Any) -> Floats:
        made: Floats = self._change(self._learner.predict(matrix))
        return made

    def __getattr__(self, name: str) -> Any:
        return getattr(self._learner, name)


def changed(model: Model, change: Any) -> Model:
    return replace(model, learner=Otherwise(model.learner, change))


def one_row_apart(given: Floats) -> Floats:
    """Of two neighbours at the same distance the other one."""
    made = given.copy()
    made[3] = 1 - made[3]
    return made


GOOD: dict[str, tuple[int, Any, Any]] = {  # classes, what was predicted, what is predicted now
    "float32's last digits": (2, lambda p: p, lambda p: p + 2e-5),
    "a tie that falls otherwise": (2, lambda p: p, one_row_apart),
    "values around zero": (0, lambda v: v - v.mean(), lambda v: (v - v.mean()) + 1e-5),
    "a small spread far from zero": (0, lambda v: v + 1e9, lambda v: v + 1e9 + 2e4),
}

AGREE = ("float32's last digits", "values around zero")


@pytest.mark.parametrize("case", GOOD)
def test_a_good_model_is_kept(case: str) -> None:
    classes, then, now = GOOD[case]
    model = fitted("random_forest", classes, trees=3)
    found = proof.compared(changed(model, then), changed(model, now), table(), None)
    assert found.refused == ""
    assert (found.difference or 0) > 0
    assert found.agrees is (case in AGREE), "as scoring engines are measured"


def test_an_encoder_that_confuses_a_rare_category_is_caught() -> None:
    rows = table()
    rare = ["violet", *rows["colour"].to_pylist()[1:]]
    rows = rows.set_column(1, "colour", pa.array(rare))
    model = fitted("xgboost", 2, rounds=3)
    wrong = copy.deepcopy(model.encoder)
    wrong.columns[1].encoding._known = pa.array(["blue", "violet", "red"])
    found = proof.compared(model, replace(model, encoder=wrong), rows, None)
    assert "is encoded otherwise" in found.refused


BAD: dict[str, tuple[int, Any]] = {
    "classes in another order": (2, lambda p: p[:, ::-1]),
    "no numbers": (2, lambda p: p * np.nan),
    "values in another unit": (0, lambda v: v * 1.1),
}


@pytest.mark.parametrize("case", BAD)
def test_another_model_is_not_kept(case: str) -> None:
    classes, change = BAD[case]
    model = fitted("random_forest", classes, trees=3)
    found = proof.compared(model, changed(model, change), table(), None)
    assert "rows are predicted otherwise" in found.refused


def told(change: Any, on: str, *, on_gpu: bool) -> dict[str, Any]:
    """Of a model that a GPU may have trained; `on`: where it predicts, "": its library has none."""
    model = fitted("random_forest", 2, trees=3)
    found = proof.compared(model, changed(model, change), table(), 0.5)
    learner = changed(model, None).learner
    if on:
        learner.predicts_on = lambda: on  # type: ignore[attr-defined]
    return found.facts(learner, "NVIDIA H200", on_gpu=on_gpu)


FACTS: dict[str, tuple[Any, str, bool, str]] = {
    "on a GPU": (lambda p: p + 1e-6, "cuda:0", True,
                 "predicts as the trained one does on NVIDIA H200, to 1e-06."),
    "on a GPU, otherwise": (lambda p: p + 5e-4, "cuda:0", True,
                            "otherwise than the trained one does on NVIDIA H200, by up to 0.0005"),
    "a GPU's, which predicts on the CPU": (lambda p: p, "", True,
                            "does, to the last digit. It learned on NVIDIA H200 and predicts on"),
    "on the CPU": (lambda p: p, "cpu", False, "predicts as the trained one does, to the last dig"),
    "a row of another class": (lambda p: one_row_apart(p), "cpu", False,
                               "1 of 160 rows get another class."),
}  # fmt: skip


@pytest.mark.parametrize("case", FACTS)
def test_what_was_found_is_told_with_where_the_model_learned(case: str) -> None:
    change, on, on_gpu, said = FACTS[case]
    facts = told(change, on, on_gpu=on_gpu)
    assert said in facts["why"], facts
    assert facts["device"] == "NVIDIA H200"
    assert facts["on"] == (on or "cpu")
    assert facts["rows"] == table().num_rows
    assert facts["agrees"] == ("otherwise" not in case and "another" not in case)
    assert facts["tolerance"] == apart.TOLERANCE


def trained(home: Path, by: float, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A job's folder; what it reads back predicts otherwise, by so much."""
    load = proof.load

    def otherwise(*given: Any, **more: Any) -> Model:
        return changed(load(*given, **more), lambda proba: proba + by)

    monkeypatch.setattr(proof, "load", otherwise)
    answers = pa.array(["yes", "no", "yes", "yes"] * 40)
    data = tabling.dataset(home / "data", table().append_column("answer", answers))
    return tabling.job(home, data, "answer", spec={"params": {"rounds": 3}})


def test_what_does_not_quite_agree_is_kept_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = trained(tmp_path, 5e-4, monkeypatch)
    KINDS["train"].run(read(folder), folder, Peers(0, 1, torch.device("cpu")))
    (finished,) = events(folder, "finished")
    told = finished["facts"]["proof"]
    assert (told["agrees"], told["device"]) == (False, finished["facts"]["device"])
    assert told["difference"] == pytest.approx(5e-4, rel=1e-3)
    warned = [one["text"] for one in events(folder, "note") if one["level"] == "warning"]
    assert warned == [told["why"]]
    assert (folder / "bundle" / "model.json").is_file()


def test_nothing_is_left_of_what_is_another_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = trained(tmp_path, 5e-3, monkeypatch)
    with pytest.raises(BadBundle, match="The written model is not the trained one: "):
        KINDS["train"].run(read(folder), folder, Peers(0, 1, torch.device("cpu")))
    assert not (folder / "bundle").exists()
    assert not events(folder, "finished")


def test_a_threshold_of_zero_is_zero() -> None:
    true, proba = np.array([0.0, 1.0, 1.0]), np.array([0.1, 0.2, 0.3])
    made = report.make("two_class", true, np.stack([1 - proba, proba], 1), ["n", "y"], 0.0)
    assert made["threshold"] == 0.0
    assert made["confusion"] == [[0, 1], [0, 2]]
