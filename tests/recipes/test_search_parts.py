"""Which rows learn and which judge in a search, and what is tried and said of them."""

import itertools
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes import search
from recipes.algorithms import ALGORITHMS
from recipes.data.row_split import RowParts, in_order
from recipes.engine.tabular import search_parts, searching
from recipes.engine.tabular.proposing import propose
from recipes.engine.tabular.trials import Trial
from recipes.job import BadJob
from recipes.params import ParamError
from recipes.tasks import TASKS
from tests.recipes import tabling
from tests.recipes.making import events
from tests.recipes.tabling import report, small

LOGISTIC = ALGORITHMS["logistic_regression"]
WISH = {"strategy": "random", "trials": 2, "folds": 3, "space": {"C": {"values": [0.1, 1]}}}


def searched(home: Path, table: pa.Table, wish: Any = WISH, **spec: Any) -> Path:
    data = tabling.dataset(home / "data", table)
    folder = tabling.job(
        home,
        data,
        "good",
        algorithm=LOGISTIC.name,
        compute={"threads": 1},
        spec=spec | {"search": wish},
    )
    tabling.run(folder)
    return folder


def notes(folder: Path) -> str:
    return " ".join(one["text"] for one in events(folder, "note"))


@given(st.lists(st.integers(0, 6), min_size=1, max_size=60), st.integers(2, 6))
def test_blocks_of_time_hold_each_row_once_and_part_no_time(times: list[int], count: int) -> None:
    time = np.array(times)
    blocks = in_order(time, count)
    assert sorted(np.concatenate(blocks)) == list(range(len(times)))
    assert 1 <= len(blocks) <= count
    assert all(len(one) for one in blocks)
    for before, after in itertools.pairwise(blocks):
        assert time[before].max() < time[after].min()


def test_no_day_learns_and_judges_in_a_search_by_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []
    value = searching._Search._value

    def valued(self: Any, place: int) -> float:
        made.append((self._beside.ready.time, self._parts[place]))
        return value(self, place)

    monkeypatch.setattr(searching._Search, "_value", valued)
    days = np.random.default_rng(0).permutation(np.repeat(np.arange(5), 40))
    spec = {"split": {"policy": "time"}, "features": {"day": {"role": "time"}}}
    folder = searched(tmp_path, small(200, day=days), {**WISH, "trials": 1, "folds": 2}, **spec)
    assert len(made) == 2
    for time, part in made:
        assert time[part.learns].max() < time[part.judges].min()
    assert "of the same time stay together" not in notes(folder)


def parts(target: Any, folds: int, val: Any = (0, 1), time: Any = None) -> Any:
    """What is drawn of training rows with these targets."""
    there = np.arange(len(target))
    ready: Any = SimpleNamespace(
        target=np.append(target, val).astype(np.float64),
        classes=["n", "y"],
        weights=None,
        time=time,
        parts=RowParts(there, len(target) + np.arange(len(val)), there[:0]),
    )
    split: dict[str, Any] = {
        "policy": "random" if time is None else "time",
        "stratify": True,
        "seed": 1,
    }
    split |= {"train_share": 0.8, "validation_share": 0.2}
    task = TASKS["two_class"]
    design: Any = SimpleNamespace(split=split, task=task, metric=task.metrics["roc_auc"])
    return search_parts.drawn(ready, design, folds)


def test_few_times_make_few_folds_and_one_time_makes_none() -> None:
    target = np.arange(120) % 2
    made, told = parts(target, 3, time=np.repeat([0, 1], 60))
    assert [(len(one.learns), len(one.judges)) for one in made] == [(60, 60)]
    assert "there are few times: one fold judges, not 3." in told[0]
    with pytest.raises(BadJob, match=r"have the same time.*Choose 0 folds"):
        parts(target, 3, time=np.zeros(120, np.int64))


def test_a_fold_that_cannot_judge_fails_no_trial(tmp_path: Path) -> None:
    good = np.array(["n"] * 240)
    good[:3] = "y"  # two of them train
    folder = searched(tmp_path, small(240, good=good))
    assert [one["state"] for one in report(folder)["search"]["trials"]] == ["done", "done"]
    assert "1 fold judges no trial: ROC AUC is unknown" in notes(folder)
    assert "The other 2 of 3 judge all trials." in notes(folder)
    made, told = parts(np.arange(200) % 2 * (np.arange(200) >= 60), 3, time=np.arange(200))
    assert [len(one.learns) for one in made] == [100, 150]  # the first 50 are of one class
    assert len(told) == 1


def test_where_no_fold_can_judge_the_way_out_is_said_before_a_trial() -> None:
    with pytest.raises(BadJob, match=r"one class only.*0 folds: then the validation rows judge"):
        parts(np.arange(60) == 0, 3)
    with pytest.raises(BadJob, match=r"No fold can judge a trial.*Choose fewer folds, or 0 folds"):
        parts(np.arange(60) == 59, 3, time=np.arange(60))
    with pytest.raises(BadJob, match=r"ROC AUC is unknown on the validation rows.*another metric"):
        parts(np.arange(60) % 2, 0, val=(0, 0))


def test_validation_rows_that_chose_are_said_to_be_flattered(tmp_path: Path) -> None:
    split = {"policy": "random", "train_share": 0.6, "validation_share": 0.2}
    wish = {**WISH, "folds": 0}
    tested = notes(searched(tmp_path / "tested", small(), wish, split=split))
    assert searching.BY_VALIDATION + searching.FAIR[True] in tested
    assert searching.BY_VALIDATION + searching.FAIR[False] in notes(
        searched(tmp_path, small(), wish)
    )


def test_a_space_without_more_settings_ends_at_its_count_and_is_no_grid(tmp_path: Path) -> None:
    wish = {"strategy": "tpe", "trials": 9, "folds": 0, "space": {"C": {"values": [2, 4]}}}
    folder = searched(tmp_path, small(), wish)
    trials = events(folder, "trial")
    assert {one["of"] for one in trials} == {3} == {len(trials)}  # 1 is what was set
    assert report(folder)["search"]["stopped"] == "nothing new"


def test_on_a_gpu_only_what_learns_there_is_tried() -> None:
    params, able = LOGISTIC.params, LOGISTIC.gpu_with
    standard = search.clean(params, {})
    made, told = search.on_gpu(standard, params, able)
    assert made["space"]["penalty"] == {"values": ["l2"]}
    assert made["space"]["C"] == standard["space"]["C"]
    assert told == [
        "Regularisation 'l1' is not tried: it learns on the CPU alone, and this job has a GPU."
    ]
    assert search.on_gpu(made, params, able) == (made, [])
    assert search.on_gpu(standard, params, None) == (standard, [])
    own = search.clean(params, {"space": {"penalty": {"values": ["l1", "elasticnet"]}}})
    with pytest.raises(ParamError, match="'l1', 'elasticnet' learns on the CPU alone"):
        search.on_gpu(own, params, able)


def test_tpe_leaves_what_failed() -> None:
    params = LOGISTIC.params
    space, fields = search.standard(params), {one.name: one for one in params.fields}
    tried: list[Trial] = []
    for number in range(1, 31):
        point = propose("tpe", space, fields, tried, seed=0, higher=True)
        assert point is not None
        bad = point["penalty"] == "l1"
        value = None if bad else 0.9 - abs(math.log10(point["C"])) / 50
        state = "failed" if bad else "done"
        tried.append(Trial(number=number, params=point, value=value, state=state, seconds=1))
    assert sum(one.state == "failed" for one in tried[10:]) <= 5
