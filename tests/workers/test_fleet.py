"""Several nodes on one machine: how they are named, and what each agent is told."""

import json
from pathlib import Path

import pytest

from workers import fleet
from workers.faults import Faults
from workers.premises import CannotStart


def test_a_fleet_is_one_agent_a_node_with_cards_of_its_own(tmp_path: Path) -> None:
    members = fleet.read(" gpu-01:8xH100-80GB ; gpu-02:2xA100-40GB,1xL4-24GB;cpu-01:none;")
    parts = fleet.agents(members, tmp_path / "faults.json")
    assert [one.name for one in parts] == ["gpu-01", "gpu-02", "cpu-01"]
    told = dict(parts[1].environment)
    assert (told["TRACKSIDE_NODE"], told["TRACKSIDE_FAKE_GPUS"]) == (
        "gpu-02",
        "2xA100-40GB,1xL4-24GB",
    )
    assert fleet.label(members) == "11 on 3 nodes"


def test_without_a_fleet_there_is_the_one_agent_of_this_machine(tmp_path: Path) -> None:
    (part,) = fleet.agents(fleet.read(""), tmp_path)
    assert (part.name, part.environment) == ("agent", ())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("gpu-01", "write for example gpu-01:8xH100-80GB"),
        ("gpu-01:", "write for example"),
        ("../x:1xL4-24GB", "write for example"),
        ("a:none;a:none", "names a twice"),
        ("a:4xH100", "TRACKSIDE_FLEET, a: "),
        (";".join(f"n{n}:none" for n in range(17)), "at most 16"),
    ],
)
def test_a_fleet_that_cannot_be_read_shows_how_to_write_it(text: str, words: str) -> None:
    with pytest.raises(CannotStart, match=words):
        fleet.read(text)


def test_the_demos_faults_are_ones_that_its_nodes_understand(tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    fleet.write_faults(file)
    assert Faults(str(file), "gpu-02").now()[2].process
    assert Faults(str(file), "cpu-01").now() == {}
    file.write_text(json.dumps({"gpu-02": {}}))
    fleet.write_faults(file)
    assert Faults(str(file), "gpu-02").now() == {}
