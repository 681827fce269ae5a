"""A catalogue is made once, and again when anything that it rests on has changed."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recipes import told_before

Change = Callable[["Machine"], object]


class Machine:
    """Its own libraries, recipes and weights; `made` counts how often a catalogue was made."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.libraries, self.ours, self.weights = home / "lib", home / "recipes", home / "weights"
        for folder in (self.libraries / "torch-2.dist-info", self.ours / "nets", self.weights):
            folder.mkdir(parents=True)
        (self.ours / "nets" / "one.py").write_text("")
        monkeypatch.setattr(sys, "path", [str(self.libraries)])
        monkeypatch.setattr(told_before, "OURS", self.ours)
        self.driver = home / "nvidiactl"
        monkeypatch.setattr(told_before, "DRIVER", (self.driver,))
        monkeypatch.setattr(told_before, "_made", self._made)
        monkeypatch.setattr(told_before.own_network, "refusal", lambda: self.refusal)
        self.kept, self.made, self.lasts, self.refusal = home / "kept.json", 0, True, ""
        self.environment = monkeypatch

    def _made(self, folder: Path, quick: bool) -> dict[str, Any]:
        assert (folder, quick) == (self.weights, True)
        self.made += 1
        return {"cpu": {"bf16": True}, "made": self.made, "lasts": self.lasts}

    def told(self) -> dict[str, Any]:
        return told_before.answer(self.weights, quick=True, kept=self.kept)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def test_where_nothing_changes_it_is_read(machine: Machine) -> None:
    first = machine.told()
    cores = len(os.sched_getaffinity(0))
    assert first == {"cpu": {"cores": cores, "bf16": True}, "made": 1, "why_no_own_network": ""}
    machine.refusal = "Operation not permitted"  # a setting of the system: asked each time
    assert machine.told() == {**first, "why_no_own_network": "Operation not permitted"}


@pytest.mark.parametrize(
    "change",
    [
        lambda here: (here.libraries / "catboost-1.dist-info").mkdir(),
        lambda here: (here.libraries / "torch-2.dist-info").rmdir(),
        lambda here: os.utime(here.libraries / "torch-2.dist-info", (1, 1)),  # a build of one's own
        lambda here: (here.ours / "nets" / "one.py").write_text("changed = True"),
        lambda here: (here.ours / "nets" / "counted.json").write_text("{}"),
        lambda here: here.driver.touch(),
        lambda here: (here.weights / "resnet18-f37072fd.pth").touch(),
        lambda here: here.environment.setenv("TRACKSIDE_OFFLINE", "1"),
        lambda here: here.environment.setattr(sys, "version", "4"),
        lambda here: here.kept.write_text("{"),
    ],
    ids=[
        "an extra",
        "one less",
        "built anew",
        "our own",
        "our counts",
        "a driver",
        "weights",
        "offline",
        "Python",
        "damage",
    ],
)
def test_where_something_changed_it_is_made_again(machine: Machine, change: Change) -> None:
    machine.told()
    change(machine)
    assert machine.told()["made"] == 2
    assert machine.told()["made"] == 2


def test_what_was_counted_meanwhile_is_no_change(machine: Machine) -> None:
    machine.told()
    (machine.weights / "catalogue.json").write_text("{}")
    assert machine.told()["made"] == 1


def test_where_the_kernel_hides_what_it_rests_on_it_is_made_each_time(
    machine: Machine, tmp_path: Path
) -> None:
    machine.environment.setattr(told_before, "BOOT", tmp_path / "nowhere")
    assert [machine.told()["made"], machine.told()["made"]] == [1, 2]
    machine.kept.write_text(json.dumps({"rests_on": "", "told": {"made": 0}}))
    assert machine.told()["made"] == 3


def test_an_answer_that_left_something_out_is_not_kept(machine: Machine) -> None:
    machine.lasts = False
    assert "lasts" not in machine.told()
    assert machine.told()["made"] == 2


def test_what_changed_while_it_was_made_is_not_in_it(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def installed_meanwhile(folder: Path, quick: bool) -> dict[str, Any]:
        (machine.libraries / "jax-1.dist-info").mkdir()
        return {"lasts": True}

    monkeypatch.setattr(told_before, "_made", installed_meanwhile)
    machine.told()
    assert not machine.kept.exists()


def test_the_command_line_tells_it(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--weights", str(machine.weights), "--quick", "--kept", str(machine.kept)]
    assert [told_before.main(given), told_before.main(given)] == [0, 0]
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first == second == machine.told()
