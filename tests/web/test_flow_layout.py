"""The drawing of the Flow, in the browser's own language: layers, order, gaps, and its speed."""

import itertools
import json
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "platform/trackside/ui/static/js"
RUN = """
import { readFileSync } from "node:fs";
const { layout } = await import(process.argv[1]);
const { nodes, edges } = JSON.parse(readFileSync(0, "utf8"));
const made = layout(nodes, edges);
const bends = [...made.bends];
console.log(JSON.stringify({ ...made, at: Object.fromEntries(made.at), bends }));
"""
BLOCK = """
import { readFileSync } from "node:fs";
const { block } = await import(process.argv[1]);
const { nodes, top, room } = JSON.parse(readFileSync(0, "utf8"));
const at = new Map();
const extent = block(nodes, top, room, at);
console.log(JSON.stringify({ ...extent, at: Object.fromEntries(at) }));
"""


def node() -> str:
    beside = Path(sys.executable).parent / "node"
    found = str(beside) if beside.exists() else shutil.which("node")
    if not found:
        pytest.skip("node is not installed")
    return found


def layout(names: list[str], edges: list[tuple[str, str]]) -> dict[str, Any]:
    nodes = [{"id": name, "w": 100, "h": 90} for name in names]
    return dict(ran("flow-layout.js", RUN, {"nodes": nodes, "edges": edges}))


def block(count: int, top: tuple[int, int], room: tuple[int, int]) -> dict[str, Any]:
    nodes = [{"id": f"n{number}", "w": 100, "h": 90} for number in range(count)]
    extents = [{"width": width, "height": height} for width, height in (top, room)]
    given = {"nodes": nodes, "top": extents[0], "room": extents[1]}
    return dict(ran("flow-loose.js", BLOCK, given))


def ran(script: str, code: str, given: Any) -> Any:
    """What the code prints as JSON; it has the script's address and reads what is given."""
    # The file has no package.json of its own, so it is handed over as a module by its address.
    address = f"data:text/javascript,{json_url((SCRIPTS / script).read_text())}"
    done = subprocess.run(
        [node(), "--input-type=module", "-e", code, address],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def json_url(text: str) -> str:
    from urllib.parse import quote

    return quote(text)


def test_every_edge_goes_to_the_right_and_nothing_overlaps() -> None:
    chance = random.Random(7)
    names = [f"n{number}" for number in range(120)]
    edges = [
        (names[chance.randrange(max(0, at - 15), at)], names[at])
        for at in range(1, 120)
        for _ in range(chance.choice((1, 1, 2)))
    ]
    made = layout(names, list(dict.fromkeys(edges)))
    for source, target in edges:
        assert made["at"][source]["x"] < made["at"][target]["x"]
    places = sorted((one["x"], one["y"]) for one in made["at"].values())
    for (x, y), (next_x, next_y) in itertools.pairwise(places):
        assert x != next_x or next_y - y >= 90


def test_a_chain_is_a_straight_line() -> None:
    made = layout(["a", "b", "c"], [("a", "b"), ("b", "c")])
    assert len({round(one["y"], 6) for one in made["at"].values()}) == 1
    assert made["crossings"] == 0


def test_a_long_edge_bends_round_the_boxes_between() -> None:
    made = layout(["a", "b", "c"], [("a", "b"), ("b", "c"), ("a", "c")])
    bends = dict(made["bends"])
    [[_, y]] = bends["a>c"]
    assert abs(y - made["at"]["b"]["y"]) > 45


def test_crossings_that_can_be_avoided_are() -> None:
    edges = [("a", "y"), ("b", "x"), ("x", "q"), ("y", "p")]
    assert layout(["a", "b", "x", "y", "p", "q"], edges)["crossings"] == 0


def test_an_empty_graph_has_no_size() -> None:
    made = layout([], [])
    assert (made["width"], made["height"]) == (0, 0)


@pytest.mark.parametrize(("count", "room", "columns"), [(3, (1300, 700), 1), (24, (1300, 700), 5),
                         (24, (330, 600), 3), (1, (1300, 700), 1)])  # fmt: skip
def test_what_nothing_links_stands_in_the_columns_that_make_it_largest(
    count: int, room: tuple[int, int], columns: int
) -> None:
    made = block(count, (0, 0), room)
    places = [(one["x"], one["y"]) for one in made["at"].values()]
    assert len({x for x, _ in places}) == columns
    assert len(set(places)) == count
    assert max(x for x, _ in places) + 50 <= made["width"]
    assert max(y for _, y in places) + 45 <= made["height"]


def test_what_nothing_links_stands_under_the_rest() -> None:
    made = block(4, (900, 200), (1300, 700))
    assert min(one["y"] for one in made["at"].values()) - 45 > 200
    assert made["width"] == 900
    assert block(0, (900, 200), (1300, 700)) == {"width": 900, "height": 200, "at": {}}
