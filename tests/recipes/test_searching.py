"""A training that searches its params first."""

import datetime
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from recipes.engine.tabular import search_parts, searching
from recipes.engine.tabular.trials import Trial
from recipes.job import BadJob, GaveWay
from recipes.params import ParamError
from tests.recipes import tabling
from tests.recipes.making import events
from tests.recipes.tabling import about, report, small

SEARCH = {"strategy": "tpe", "trials": 9, "folds": 2}
ROOT = Path(__file__).parents[2]
NAMES = ("number", "params", "value", "state", "best")


def prepared(home: Path, search: Any, name: str = "job", **spec: Any) -> Path:
    data = tabling.dataset(home / "data", small(120, **spec.pop("columns", {})))
    given = {"search": search, "params": {}, **spec}
    return tabling.job(home, data, "good", algorithm="knn", name=name, spec=given)


def searched(home: Path, search: Any = SEARCH, **spec: Any) -> Path:
    folder = prepared(home, search, **spec)
    tabling.run(folder)
    return folder


def told(folder: Path) -> list[dict[str, Any]]:
    """The last that was told of each trial."""
    latest = {one["number"]: one for one in events(folder, "trial")}
    return [{name: one[name] for name in NAMES} for one in latest.values()]


def notes(folder: Path) -> str:
    return " ".join(one["text"] for one in events(folder, "note"))


def stopping(patch: pytest.MonkeyPatch, folder: Path, word: str, after: int) -> None:
    """The order comes in while the models of that many have been judged."""
    judged, calls = searching._judged, []

    def judging(*given: Any) -> float:
        calls.append(1)
        if len(calls) == after:
            (folder / "stop").write_text(word)
        return judged(*given)

    patch.setattr(searching, "_judged", judging)


def interrupted(monkeypatch: pytest.MonkeyPatch, folder: Path, after: int) -> None:
    with monkeypatch.context() as patch:
        stopping(patch, folder, "yield", after)
        with pytest.raises(GaveWay):
            tabling.run(folder)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return searched(tmp_path_factory.mktemp("done"))


def test_the_params_as_they_are_set_come_first_and_the_best_are_trained_with(done: Path) -> None:
    trials, found = events(done, "trial"), report(done)["search"]
    assert trials[0]["params"] == {"neighbours": 5, "weighting": "uniform", "power": "2"}
    assert [one["number"] for one in trials] == list(range(1, 10))
    assert {one["of"] for one in trials} == {9}
    best = max((one for one in trials if one["value"] is not None), key=lambda one: one["value"])
    assert found["best"] == best["value"] >= trials[0]["value"]
    assert [one["number"] for one in found["trials"] if one["best"]] == [best["number"]]
    assert about(done)["params"] == {**about(done)["params"], **best["params"]}
    assert about(done)["searched"]
    assert (found["strategy"], found["folds"], found["metric"]) == ("tpe", 2, "roc_auc")
    assert found["stopped"] == "count"
    assert set(found["space"]) == {"neighbours", "weighting", "power"}


def test_its_progress_is_told_in_trials(done: Path) -> None:
    progress = [one for one in events(done, "progress") if one["unit"] == "trial"]
    assert {one["of"] for one in progress} == {9}
    assert all(0 < one["done"] <= 9 for one in progress)
    phases = [one["text"] for one in events(done, "phase")]
    assert "Trial 1 of 9." in phases
    assert [one for one in phases if one.startswith("Trial 9 of 9; the best so far: ROC AUC 0.")]
    learned = [one for one in phases if not one.startswith(("Explaining", "Judging", "Writing"))]
    assert learned[-1] == "The final model learns from the training and the validation rows."


def test_the_share_of_the_whole_keeps_room_for_the_final_model(done: Path) -> None:
    told = events(done, "progress")
    share = [one["share"] for one in told]
    assert share == sorted(share)
    last = {one["unit"]: one["share"] for one in told}
    assert list(last) == ["trial", "round", "step"]  # of the report
    assert 0 < last["trial"] < last["round"] < last["step"] <= 1


def test_one_that_gave_way_goes_on_to_the_same_trials(
    done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = prepared(tmp_path, SEARCH)
    interrupted(monkeypatch, folder, after=9)  # in the fifth trial
    (kept,) = events(folder, "checkpoint")
    assert Path(kept["path"]).name == "t0004"
    assert not (folder / "bundle").exists()
    (folder / "stop").unlink()
    tabling.run(folder)
    assert [one["number"] for one in events(folder, "trial")] == list(range(1, 10))
    assert told(folder) == told(done)
    assert "The search goes on after trial 4; what ran then begins anew." in notes(folder)
    assert about(folder)["params"] == about(done)["params"]


KILLED = """
import os, signal, sys
from pathlib import Path
from recipes.engine.tabular import searching, trials
from tests.recipes import tabling
judged, calls = searching._judged, []
def judging(*given):
    calls.append(1)
    if len(calls) == 9:
        os.kill(os.getpid(), signal.SIGKILL)
    return judged(*given)
searching._judged, trials.EACH = judging, 0.0
tabling.run(Path(sys.argv[1]))
"""


def test_one_that_is_killed_goes_on_to_the_same_trials(done: Path, tmp_path: Path) -> None:
    folder = prepared(tmp_path, SEARCH)
    killed = subprocess.run([sys.executable, "-c", KILLED, str(folder)], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(events(folder, "trial")) == 4
    tabling.run(folder)
    assert [one["number"] for one in events(folder, "trial")] == list(range(1, 10))
    assert told(folder) == told(done)
    assert about(folder)["params"] == about(done)["params"]


def test_a_checkpoint_that_is_damaged_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = prepared(tmp_path, SEARCH)
    interrupted(monkeypatch, folder, after=5)
    file = folder / "checkpoints" / "t0002" / "trials.jsonl"
    file.write_text(file.read_text().replace('"value": 0.', '"value": 1.'))
    (folder / "stop").unlink()
    tabling.run(folder)
    assert "after trial 2 is not used: trials.jsonl is not what was written" in notes(folder)
    assert len(report(folder)["search"]["trials"]) == 9


def test_finished_early_it_trains_with_the_best_so_far(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = prepared(tmp_path, SEARCH)
    stopping(monkeypatch, folder, "finish_early", after=7)
    tabling.run(folder)
    found = report(folder)["search"]
    assert found["stopped"] == "finished early"
    assert len(found["trials"]) == 3  # the fourth one was at work
    best = next(one for one in found["trials"] if one["best"])
    assert about(folder)["params"] == {**about(folder)["params"], **best["params"]}
    assert about(folder)["refit"]


def test_finished_before_a_trial_is_done_it_trains_with_the_params_as_they_are_set(
    tmp_path: Path,
) -> None:
    folder = prepared(tmp_path, SEARCH)
    (folder / "stop").write_text("finish_early")
    tabling.run(folder)
    found = report(folder)["search"]
    assert (found["best"], found["trials"], found["stopped"]) == (None, [], "finished early")
    assert about(folder)["params"]["neighbours"] == 5
    assert about(folder)["searched"] is False


def test_a_grid_is_done_when_each_point_was_tried_once(tmp_path: Path) -> None:
    space = {"neighbours": {"values": [3, 5]}, "weighting": {"values": ["uniform", "distance"]}}
    folder = searched(tmp_path, {"strategy": "grid", "folds": 0, "space": space})
    trials = told(folder)
    assert len({str(one["params"]) for one in trials}) == len(trials) == 4
    assert {one["of"] for one in events(folder, "trial")} == {4}
    assert report(folder)["search"]["stopped"] == "grid done"
    best = report(folder)["search"]["best"]
    assert report(folder)["metrics"]["roc_auc"] == best  # the validation rows judged both


def test_a_time_limit_ends_it_after_the_trial_at_work(tmp_path: Path) -> None:
    folder = searched(tmp_path, {"strategy": "random", "minutes": 1e-9})
    assert len(told(folder)) == 1
    assert report(folder)["search"]["stopped"] == "time"


def test_a_trial_that_cannot_be_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    folder = searched(tmp_path, {"strategy": "grid", "space": {"neighbours": {"values": [4, 999]}}})
    (bad,) = (one for one in events(folder, "trial") if one["state"] == "failed")
    assert bad["params"] == {"neighbours": 999}
    assert bad["value"] is None
    assert "999" in bad["reason"]


def test_where_no_trial_can_be_the_job_says_why(tmp_path: Path) -> None:
    space = {"neighbours": {"values": [900, 999]}}
    with pytest.raises(BadJob, match=r"None of the 3 trials came to an end. The first: .*800"):
        searched(tmp_path, {"strategy": "grid", "space": space}, params={"neighbours": 800})


def test_a_space_that_is_wrong_is_refused_before_a_row_is_read(tmp_path: Path) -> None:
    with pytest.raises(ParamError, match="between 1 and 10000"):
        searched(tmp_path, {"space": {"neighbours": {"values": [0]}}})


def test_the_folds_of_a_cross_test_choose_the_params_and_it_is_said(tmp_path: Path) -> None:
    search = {**SEARCH, "trials": 3, "folds": 0}
    folder = searched(tmp_path, search, split={"policy": "kfold", "folds": 3})
    assert searching.CHOSEN in notes(folder)
    found = report(folder)
    best = next(one for one in found["search"]["trials"] if one["best"])
    assert best["value"] == pytest.approx(found["folds"]["roc_auc"]["mean"])


def test_by_time_each_part_is_judged_by_what_was_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = [datetime.date(2024, 1, 1) + datetime.timedelta(one * 7 % 120) for one in range(120)]
    made: list[Any] = []
    drawn = search_parts.drawn

    def parted(*given: Any) -> Any:
        found = drawn(*given)
        made.extend(found[0])
        return found

    monkeypatch.setattr(search_parts, "drawn", parted)
    spec = {"split": {"policy": "time"}, "features": {"day": {"role": "time"}}}
    searched(tmp_path, {**SEARCH, "trials": 1, "folds": 3}, columns={"day": days}, **spec)
    assert len(made) == 3
    for learns, judges, _ in made:
        assert max(days[one] for one in learns) < min(days[one] for one in judges)
    assert len(made[-1][0]) > len(made[0][0])


def test_a_trial_is_given_up_only_where_it_is_far_behind() -> None:
    def trial(number: int, first: float) -> Trial:
        return Trial(
            number=number, params={}, value=first, state="done", seconds=1, steps=[first, first]
        )

    made: Any = object.__new__(searching._Search)
    made._asked, made._parts, made._higher = {"strategy": "tpe"}, [None] * 2, True
    made.tried = [trial(one, 0.5 + one / 10) for one in range(1, 4)]
    assert not made._hopeless([0.1])  # too few to compare with
    made.tried += [trial(one, 0.5) for one in range(4, 6)]
    assert made._hopeless([0.1])
    assert not made._hopeless([0.55])  # three of five are better
    assert not made._hopeless([0.1, 0.1])  # it is done
    made._higher = False
    assert made._hopeless([0.9])
    made._asked = {"strategy": "grid"}
    assert not made._hopeless([9.0])
