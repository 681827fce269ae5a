"""What stands below the boxes of the Flow and is read out of them: recipes can be told apart."""

from typing import Any

from tests.web.test_flow_layout import ran

RUN = """
import { readFileSync } from "node:fs";
const { said, second, title } = await import(process.argv[1]);
const nodes = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(nodes.map((one) => [title(one), second(one), said(one)])));
"""


def words(*nodes: dict[str, Any]) -> list[list[str]]:
    found: list[list[str]] = ran("flow-words.js", RUN, nodes)
    return found


def recipe(name: str, kind: str = "score") -> dict[str, Any]:
    return {
        "type": "recipe", "name": name, "kind": kind, "label": "Scoring recipe",
        "state": "never_run", "sub": "", "about": {},
    }  # fmt: skip


def test_a_recipe_is_called_by_its_name_and_its_kind_stands_below() -> None:
    short, one, two = words(
        recipe("score new"),
        recipe("score titanic with forest"),
        recipe("score titanic with xgboost"),
    )
    assert short == ["score new", "Scoring", "score new Scoring, scoring recipe, not run yet"]
    assert one[0] == "score titan…h forest"
    assert one[0] != two[0]
    assert "score titanic with forest" in one[2]
    assert words(recipe("train a", "train"))[0][1] == "Training"


def test_a_table_of_a_database_says_its_connection_too() -> None:
    table = {
        "type": "table", "name": "house.scored", "kind": "sql", "label": "Table of a database",
        "state": "ready", "sub": "house", "about": {"table": "scored"},
    }  # fmt: skip
    title, second, said = words(table)[0]
    assert (title, second) == ("scored", "house")
    assert said.startswith("scored house, house.scored, ")
