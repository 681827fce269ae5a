"""Explain jobs on a table: rows, made-up rows with hints, and groups; what reports say of SHAP."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq
import pytest

from recipes.data.listing import BadData
from recipes.engine.tabular import attribution, subpopulations
from recipes.job import Compute, Job, write
from recipes.learners.learner import NotAddingUp
from recipes.rank import explain
from tests.recipes import tabling
from tests.recipes.making import events

Json = dict[str, Any]


class Trained(NamedTuple):
    """The folder of a training of titanic, and its dataset as specs name it."""

    home: Path
    data: dict[str, str]

    @property
    def bundle(self) -> Path:
        return self.home / "job" / "bundle"

    def report(self) -> Json:
        made: Json = json.loads((self.bundle / "report.json").read_text())
        return made


@pytest.fixture(scope="module")
def titanic(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    home = tmp_path_factory.mktemp("titanic")
    data = tabling.dataset(home / "data", tabling.real("titanic"))
    features = {"alive": {"role": "ignore"}}
    spec = {"params": {"rounds": 20}, "features": features, "refit": False}
    tabling.run(tabling.job(home, data, "survived", spec=spec))
    return Trained(home, data)


@pytest.fixture(scope="module")
def forest(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Of fares: a regression whose contributions are estimated, with gaps that drop the row."""
    home = tmp_path_factory.mktemp("forest")
    data = tabling.dataset(home / "data", tabling.real("titanic").slice(0, 300))
    features = {
        one: {"role": "input", "missing": "drop_rows"} if one == "age" else {"role": "ignore"}
        for one in ("survived", "sibsp", "embarked", "embark_town", "deck", "alive", "age", "who")
    }
    spec = {"params": {"trees": 8}, "features": features}
    folder = tabling.job(
        home, data, "fare", task="regression", algorithm="random_forest", spec=spec
    )
    tabling.run(folder)
    return Trained(home, data)


def ask(trained: Trained, home: Path, **spec: Any) -> Json:
    given = {"bundle": str(trained.bundle), "dataset": trained.data, **spec}
    write(home, Job(job=3, kind="explain", spec=given, compute=Compute(threads=1)))
    tabling.run(home)
    (finished,) = events(home, "finished")
    return finished


def judged(trained: Trained) -> list[Json]:
    rows: list[Json] = pq.read_table(trained.bundle / "predictions.parquet").to_pylist()
    return rows


def adds_up(item: Json) -> float:
    return float(
        item["base"] + sum(one["moved"] for one in item["columns"]) + item["others"]["moved"]
    )


def test_a_judged_row_is_explained_as_it_was_judged(titanic: Trained, tmp_path: Path) -> None:
    first, second = judged(titanic)[0], judged(titanic)[7]
    numbers = [second["number"], first["number"]]
    told = ask(titanic, tmp_path / "a", ask="rows", numbers=numbers)
    assert [one["number"] for one in told["items"]] == numbers
    item = told["items"][1]
    assert item["prediction"] == first["prediction"]
    assert item["true"] == first["true"]
    assert item["probas"]["1"] == pytest.approx(first["proba_1"], abs=1e-6)
    assert adds_up(item) == pytest.approx(item["total"])
    p = item["probas"]["1"]
    assert item["total"] == pytest.approx(np.log(p / (1 - p)), abs=1e-3)
    assert (told["scale"], told["exact"], told["learned_from"]) == ("log-odds", True, False)
    sizes = [abs(one["moved"]) for one in item["columns"]]
    assert sizes == sorted(sizes, reverse=True)


def test_of_a_model_that_learned_from_the_judged_rows_it_is_said(
    forest: Trained, tmp_path: Path
) -> None:
    assert forest.report()["refit"]
    assert ask(forest, tmp_path, ask="rows", numbers=[0])["learned_from"] is True


def test_a_threshold_that_is_kept_decides(titanic: Trained, tmp_path: Path) -> None:
    numbers = [one["number"] for one in judged(titanic)[:5]]
    for threshold, said in ((0.0, "1"), (1.1, "0")):
        home = tmp_path / said
        told = ask(titanic, home, ask="rows", numbers=numbers, threshold=threshold)
        assert {one["prediction"] for one in told["items"]} == {said}
        groups = ask(titanic, home / "g", ask="subpopulations", column="sex", threshold=threshold)
        assert groups["items"][0]["predicted"] == float(said)


def test_a_row_that_drops_out_says_why(forest: Trained, tmp_path: Path) -> None:
    ages = tabling.real("titanic").slice(0, 300)["age"].to_pylist()
    gap, there = ages.index(None), next(n for n, age in enumerate(ages) if age)
    told = ask(forest, tmp_path / "a", ask="rows", numbers=[gap, there])
    assert "missing" in told["items"][0]["trouble"]
    item = told["items"][1]
    assert (told["scale"], told["exact"]) == ("value", False)
    assert adds_up(item) == pytest.approx(item["prediction"], rel=1e-6)


TROUBLES: dict[str, tuple[Json, str]] = {
    "a row beyond the end": ({"ask": "rows", "numbers": [891]}, "no row 892: it has 891 rows"),
    "a column of nobody": ({"ask": "subpopulations", "column": "colour"}, "no column 'colour'"),
    "another dataset": (
        {"ask": "rows", "numbers": [1], "dataset": {"folder": "x", "fingerprint": "y"}},
        "has been changed since the model was trained",
    ),
    "a value that is none": ({"ask": "whatif", "row": {"age": "old"}}, "'age' takes a number"),
}


@pytest.mark.parametrize("case", TROUBLES)
def test_what_cannot_be_explained_is_said(case: str, titanic: Trained, tmp_path: Path) -> None:
    spec, sentence = TROUBLES[case]
    with pytest.raises(BadData, match=sentence):
        ask(titanic, tmp_path / "a", **spec)


def test_a_made_up_row_is_predicted_and_its_hints_turn_it(titanic: Trained, tmp_path: Path) -> None:
    row = {"sex": "male", "age": 40, "fare": 8.05, "pclass": "3", "adult_male": "yes"}
    fixed = ["sex", "who", "adult_male"]
    told = ask(titanic, tmp_path / "a", ask="whatif", row=row, fixed=fixed)
    assert told["row"]["age"] == 40.0
    assert told["items"][0]["prediction"] == "0"
    (hints,) = told["hints"]
    assert hints["found"]
    seen = {one["name"]: one for one in json.loads((titanic.bundle / "seen.json").read_text())}
    for place, hint in enumerate(hints["found"]):
        assert hint["turns"]
        changed = dict(told["row"])
        assert 1 <= len(hint["changes"]) <= 2
        for one in hint["changes"]:
            assert one["name"] not in fixed
            assert one["from"] == told["row"][one["name"]] != one["to"]
            column = seen[one["name"]]
            if column["steps"]:
                assert column["steps"][0] <= one["to"] <= column["steps"][-1]
            else:
                assert one["to"] in column["known"]
            changed[one["name"]] = one["to"]
        again = ask(titanic, tmp_path / f"again{place}", ask="whatif", row=changed)
        assert again["items"][0]["prediction"] == hint["prediction"] == "1"
        assert again["items"][0]["probas"]["1"] == pytest.approx(hint["probability"], abs=1e-6)


def test_a_value_is_brought_up_and_down(forest: Trained, tmp_path: Path) -> None:
    told = ask(forest, tmp_path / "a", ask="whatif")
    now = told["items"][0]["prediction"]
    up, down = told["hints"]
    assert (up["toward"], down["toward"]) == ("up", "down")
    assert all(one["prediction"] > now for one in up["found"])
    assert all(one["prediction"] < now for one in down["found"])
    assert up["found"]


@pytest.mark.parametrize(("column", "least"), [("sex", 2), ("age", 9), ("pclass", 3)])
def test_groups_are_parts_of_the_judged_rows(
    column: str, least: int, titanic: Trained, tmp_path: Path
) -> None:
    told = ask(titanic, tmp_path / "a", ask="subpopulations", column=column)
    whole, *groups = told["items"]
    assert whole["kind"] == "whole"
    assert whole["rows"] == sum(one["rows"] for one in groups) == len(judged(titanic))
    assert len(groups) >= least
    assert whole["metrics"]["accuracy"] == pytest.approx(
        sum(one["rows"] * one["metrics"]["accuracy"] for one in groups) / whole["rows"]
    )
    assert whole["metrics"]["roc_auc"] == pytest.approx(titanic.report()["metrics"]["roc_auc"])
    values = tabling.real("titanic")[column].to_pylist()
    for one in groups:
        if one["kind"] == "value":
            mine = [row for row in judged(titanic) if values[row["number"]] == one["name"]]
            assert one["rows"] == len(mine)
            assert one["true"] == pytest.approx(np.mean([row["true"] == "1" for row in mine]))


def test_many_categories_leave_a_rest() -> None:
    import pyarrow as pa

    values = pa.chunked_array([[f"v{n % 30}" for n in range(300)], [None]])
    found = subpopulations.parts(values)
    kinds = [label["kind"] for label, _ in found]
    assert kinds.count("value") == subpopulations.GROUPS
    assert kinds[-2:] == ["rest", "missing"]
    assert found[-2][0]["name"] == 10
    assert sum(len(rows) for _, rows in found) == 301


def test_a_column_without_any_value_is_one_group() -> None:
    import pyarrow as pa

    ((label, rows),) = subpopulations.parts(pa.chunked_array([pa.nulls(5)]))
    assert (label["kind"], rows.tolist()) == ("missing", [0, 1, 2, 3, 4])


def test_a_report_ranks_columns_by_their_contributions(titanic: Trained) -> None:
    made = titanic.report()
    shap = made["importance"]["shap"]
    assert shap["columns"][0]["name"] in ("sex", "adult_male", "who")
    assert "exact Shapley values" in shap["what"]
    drawn = made["shap"]
    assert drawn["columns"][0]["name"] == shap["columns"][0]["name"]
    for one in drawn["columns"]:
        assert len(one["values"]) == len(one["moved"][0]) <= attribution.DRAWN


def test_a_report_shows_rows_of_interest(titanic: Trained) -> None:
    made = titanic.report()
    groups = {one["why"]: one["rows"] for one in made["individual"]["groups"]}
    assert list(groups) == ["worst", "least_certain", "most_certain"]
    assert [one["number"] for one in groups["worst"]] == [
        one["number"] for one in judged(titanic)[: attribution.EACH]
    ]
    doubt = [abs(one["probas"]["1"] - made["threshold"]) for one in groups["least_certain"]]
    assert max(doubt) <= min(
        abs(one["probas"]["1"] - made["threshold"]) for one in groups["most_certain"]
    )
    for rows in groups.values():
        assert all(adds_up(one) == pytest.approx(one["total"]) for one in rows)


def test_an_estimate_is_called_one(forest: Trained) -> None:
    made = forest.report()
    assert "estimated" in made["importance"]["shap"]["what"]
    assert not made["shap"]["exact"]
    assert [one["why"] for one in made["individual"]["groups"]] == ["worst", "highest", "lowest"]


def test_what_would_take_too_long_is_left_out(
    forest: Trained, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(attribution, "SECONDS", 0.0)
    made = tabling.train(tmp_path, tabling.small())
    report = json.loads((made / "bundle" / "report.json").read_text())
    assert report["importance"]["shap"] is None
    assert (report["shap"], report["individual"]) == (None, None)


def wrong(*_: Any) -> Any:
    raise NotAddingUp("Its contributions do not add up.")


@pytest.mark.parametrize("place", ["of_matrix", "explaining.explained"])
def test_contributions_that_do_not_add_up_cost_no_training(
    place: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(f"recipes.engine.tabular.attribution.{place}", wrong)
    made = tabling.train(tmp_path, tabling.small())
    report = json.loads((made / "bundle" / "report.json").read_text())
    assert report["importance"]["shap"] is None
    assert (report["shap"], report["individual"]) == (None, None)
    told = [one["text"] for one in events(made, "note")]
    assert "Its contributions do not add up." in told


@pytest.mark.parametrize(
    "spec",
    [{"ask": "rows", "numbers": [3]}, {"ask": "whatif", "row": {"sex": "male"}}],
    ids=lambda spec: spec["ask"],
)
def test_contributions_that_do_not_add_up_are_a_sentence_where_they_are_asked_for(
    titanic: Trained, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, spec: Json
) -> None:
    monkeypatch.setattr("recipes.learners.boosted.Boosted.contributions", wrong)
    with pytest.raises(NotAddingUp) as told:
        ask(titanic, tmp_path, **spec)
    assert explain(told.value) == ("bad_data", "Its contributions do not add up.")
