"""A GPU explains a scoring's rows only as the CPU does; here a stand-in plays the GPU."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from recipes.engine.peers import Peers
from recipes.engine.tabular import explained_on, parity
from recipes.engine.tabular.contributions import contributions
from recipes.engine.tabular.model import Model, load
from recipes.job import Compute, Job, read, write
from recipes.kinds import KINDS
from recipes.learners.learner import Floats, Matrix, WrongDevice
from tests.recipes import tabling
from tests.recipes.making import events
from tests.recipes.tabling import small, train
from tests.recipes.test_gpu_parity import CARD, alike, on_a_leased_gpu

Change = Callable[[Matrix, Floats], Floats]


class Walked:
    """A GPU's learner, which predicts what the CPU's does."""

    def __init__(self, own: Any) -> None:
        self._own, self.classes = own, own.classes
        self.on, self.asked = "cuda:0", 0

    def predict(self, matrix: Matrix) -> Floats:
        self.asked += 1
        return np.asarray(self._own.predict(matrix))

    def predicts_on(self) -> str:
        return self.on


class StandIn(Walked):
    """And has contributions: the CPU's, changed."""

    explains_on_gpu = True

    def __init__(self, own: Any, change: Change) -> None:
        super().__init__(own)
        self._change = change

    def contributions(self, matrix: Matrix) -> Floats:
        self.asked += 1
        return self._change(matrix, self._own.contributions(matrix))


def near(_: Matrix, given: Floats) -> Floats:
    return given + 1e-5


def far(_: Matrix, given: Floats) -> Floats:
    return given[..., ::-1].copy()


def far_at_gaps(matrix: Matrix, given: Floats) -> Floats:
    return np.where(np.isnan(matrix).any(1)[:, None], given * 1.1, given)


def no_numbers(_: Matrix, given: Floats) -> Floats:
    return np.full_like(given, np.nan)


def no_memory(_: Matrix, given: Floats) -> Floats:
    raise MemoryError("out of memory")


DECISIONS: dict[str, tuple[Change, bool, str]] = {
    "alike": (near, True, "The GPU explains as the CPU does, to 4e-05."),
    "otherwise": (far, False, "The GPU explains otherwise than the CPU, by up to"),
    "otherwise at gaps alone": (far_at_gaps, False, "explains otherwise than the CPU"),
    "no numbers": (no_numbers, False, "no numbers where the CPU's are"),
    "no memory": (no_memory, False, "The GPU did not explain: out of memory."),
}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(tmp_path_factory.mktemp("explained"), small()) / "bundle"


@pytest.fixture
def leased(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Any]]:
    """Predictions pass on a stand-in; what is loaded to explain is the one that `make` makes."""

    def lease(make: Callable[[Any], Any]) -> list[Any]:
        made: list[Any] = []

        def loaded(place: Path, threads: int, device: str, *, tried: bool) -> Model:
            found = load(place, threads, tried=tried)
            made.append(make(found.learner))
            return replace(found, learner=made[-1])

        on_a_leased_gpu(monkeypatch, alike)
        monkeypatch.setattr(explained_on, "load", loaded)
        monkeypatch.setattr(explained_on, "device_name", lambda compute, device: CARD)
        return made

    return lease


def stand_in(change: Change) -> Callable[[Any], StandIn]:
    return lambda own: StandIn(own, change)


def scored(home: Path, bundle: Path, peers: Peers | None = None, **more: Any) -> Path:
    spec = {"bundle": str(bundle), "dataset": tabling.dataset(home / "data", small(200))}
    spec |= {"explanations": 2, **more}
    folder = home / "score"
    compute = Compute(device="cuda", uuids=("GPU-0",))
    write(folder, Job(job=2, kind="score", spec=spec, compute=compute))
    peers = peers or Peers(0, 1, torch.device("cuda", 0))
    KINDS["score"].run(read(folder), folder, peers)
    return folder


def told(folder: Path) -> dict[str, Any]:
    (finished,) = events(folder, "finished")
    found: dict[str, Any] = finished["facts"]["explanations"]
    return found


def written(folder: Path) -> list[dict[str, float]]:
    column = pq.read_table(folder / "output" / "table.parquet").column("explanations")
    return [json.loads(one) for one in column.to_pylist()]


@pytest.mark.parametrize("case", DECISIONS)
def test_a_gpu_explains_only_where_it_does_as_the_cpu(
    bundle: Path, tmp_path: Path, leased: Any, case: str
) -> None:
    change, used, why = DECISIONS[case]
    leased(stand_in(change))
    folder = scored(tmp_path, bundle)
    found = told(folder)
    report = found["parity"]
    assert (found["device"], report["used"]) == ((CARD, True) if used else ("CPU", False))
    assert why in report["why"]
    assert (report["rows"], report["gaps"]) == (400, 200), "each row once more with a gap"
    level = "info" if used else "warning"
    (note,) = [one for one in events(folder, "note") if why in one["text"]]
    assert note["level"] == level
    assert used or note["text"].endswith(f"are made on the CPU, not on {CARD}.")
    own = load(bundle, 1)
    sure = contributions(own, small(200).select(["size", "colour"])).values
    for row, moved in zip(sure, written(folder), strict=True):
        # Of what is near the GPU's own figures stand in the file; else the CPU's, as they are.
        shift = 1e-5 if used else 0.0
        wanted = dict(zip(("size", "colour"), row, strict=True))
        for name, value in moved.items():
            wide = len(next(c for c in own.encoder.columns if c.name == name).outputs)
            assert value == pytest.approx(wanted[name] + shift * wide, abs=2e-6, rel=2e-5)


def test_predictions_are_compared_apart_from_explanations(
    bundle: Path, tmp_path: Path, leased: Any
) -> None:
    leased(stand_in(far))
    (finished,) = events(scored(tmp_path, bundle), "finished")
    assert finished["facts"]["device"] == CARD
    assert [one["used"] for one in finished["facts"]["parity"]] == [True]
    assert finished["facts"]["explanations"]["device"] == "CPU"


def test_nothing_is_tried_where_nobody_asks(bundle: Path, tmp_path: Path, leased: Any) -> None:
    made = leased(stand_in(near))
    (finished,) = events(scored(tmp_path, bundle, explanations=0), "finished")
    assert "explanations" not in finished["facts"]
    assert made == []


def test_a_gpu_that_is_lost_on_the_way_fails_the_job(
    bundle: Path, tmp_path: Path, leased: Any
) -> None:
    made: list[StandIn] = leased(stand_in(lambda matrix, given: lost(given)))

    def lost(given: Floats) -> Floats:
        made[0].on = "cuda:0" if made[0].asked == 1 else "cpu"
        return given

    with pytest.raises(WrongDevice, match="explain on NVIDIA Stand-in and the library went over"):
        scored(tmp_path, bundle)
    assert not (tmp_path / "score" / "output").exists()


def test_a_library_that_went_over_to_the_cpu_is_no_gpu(
    bundle: Path, tmp_path: Path, leased: Any
) -> None:
    def make(own: Any) -> StandIn:
        made = StandIn(own, near)
        made.on = "cpu"
        return made

    leased(make)
    report = told(scored(tmp_path, bundle))["parity"]
    assert (report["on"], report["agrees"], report["used"]) == ("cpu", None, False)


def test_of_several_ranks_all_explain_on_their_gpus_or_none_does(
    bundle: Path, tmp_path: Path, leased: Any
) -> None:
    """The other rank's comparison of explanations failed; that of predictions did not."""
    leased(stand_in(near))
    peers = Peers(0, 1, torch.device("cuda", 0))

    def gather(value: Any) -> list[Any]:
        if isinstance(value, parity.Parity) and value.tolerance == explained_on.TOLERANCE:
            return [value, value.unused("The GPU did not explain: it is broken.")]
        return [value]

    peers.gather = gather  # type: ignore[method-assign]
    found = told(scored(tmp_path, bundle, peers))
    assert (found["device"], found["parity"]["why"][-10:]) == ("CPU", "is broken.")


def test_dart_is_explained_on_the_cpu_whatever_the_boosters_device_is(
    tmp_path: Path, leased: Any
) -> None:
    params = {"booster": "dart", "rounds": 5}
    folder = train(tmp_path, small(), spec={"params": params})
    made = leased(stand_in(near))
    score = scored(tmp_path / "there", folder / "bundle")
    why = "This model of XGBoost is explained on the CPU alone: it is so here, not on"
    found = told(score)
    assert (found["device"], found["parity"], found["why"]) == ("CPU", None, f"{why} {CARD}.")
    assert [one["level"] for one in events(score, "note") if why in one["text"]] == ["info"]
    assert made == []


def test_what_has_no_contributions_walks_where_it_predicts(tmp_path: Path, leased: Any) -> None:
    few = {"rounds": 2, "layers": 1, "width": 8}
    folder = train(tmp_path, small(), algorithm="deep_mlp", spec={"params": few})
    made = leased(Walked)
    score = scored(tmp_path / "there", folder / "bundle")
    assert told(score)["device"] == CARD
    assert made[0].asked > 1
    assert len(written(score)) == 200


def test_few_rows_are_compared_where_the_cpu_is_slow(
    bundle: Path, tmp_path: Path, leased: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explained_on, "SECONDS", 0.0)
    leased(stand_in(near))
    report = told(scored(tmp_path, bundle))["parity"]
    assert (report["rows"], report["gaps"]) == (2 * explained_on.FEW, explained_on.FEW)
