"""A GPU scores a table only if it predicts as the CPU does; here a stand-in plays the GPU."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from recipes.data.encode import learn
from recipes.data.table import opened
from recipes.engine.peers import Peers
from recipes.engine.tabular import apart, devices, parity
from recipes.engine.tabular.model import Model, load
from recipes.features import HANDLING
from recipes.job import BadJob, Compute, Job, read, write
from recipes.kinds import KINDS
from recipes.learners import boosted
from recipes.learners.learner import Floats, Matrix, OnGpu, WrongDevice
from tests.recipes import tabling
from tests.recipes.making import events
from tests.recipes.tabling import small, train

CARD = "NVIDIA Stand-in"


class StandIn:
    """A GPU's learner: the CPU's predictions, changed."""

    def __init__(self, own: Any, change: Callable[[Matrix, Floats], Floats]) -> None:
        self._own = own
        self._change = change
        self.on = "cuda:0"
        self.asked = 0

    def predict(self, matrix: Matrix) -> Floats:
        self.asked += 1
        return self._change(matrix, self._own.predict(matrix))

    def predicts_on(self) -> str:
        return self.on


def alike(_: Matrix, given: Floats) -> Floats:
    return given + 1e-6


def otherwise(_: Matrix, given: Floats) -> Floats:
    return given[:, ::-1].copy()


def otherwise_at_gaps(matrix: Matrix, given: Floats) -> Floats:
    return np.where(np.isnan(matrix).any(1)[:, None], given[:, ::-1], given)


def no_numbers(_: Matrix, given: Floats) -> Floats:
    return np.full_like(given, np.nan)


def no_memory(_: Matrix, given: Floats) -> Floats:
    raise MemoryError("out of memory")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(tmp_path_factory.mktemp("parity"), small()) / "bundle"


@pytest.fixture(scope="module")
def model(bundle: Path) -> Model:
    return load(bundle, 1)


def compared(model: Model, gpu: Any, rows: pa.Table | None = None) -> parity.Parity:
    first = (small() if rows is None else rows).select(["size", "colour"])
    judged = parity.sample(model, first)
    told = judged.report("own", CARD, {"xgboost": "3"})
    who = parity.Who(engine="The GPU", own="the CPU", on_gpu=True)
    return parity.gate(told, judged, lambda: devices.OnItsGpu(gpu), who).told


DECISIONS = {
    "alike": (alike, True, "predicts as the CPU does, to 1e-06"),
    "otherwise": (otherwise, False, "predicts otherwise than the CPU, by up to 0."),
    "otherwise at gaps alone": (otherwise_at_gaps, False, "predicts otherwise than the CPU"),
    "no numbers": (no_numbers, False, "no numbers where the CPU's are"),
    "no memory": (no_memory, False, "did not predict: out of memory"),
}


@pytest.mark.parametrize("case", DECISIONS)
def test_a_gpu_is_used_only_where_it_predicts_as_the_cpu(model: Model, case: str) -> None:
    change, used, why = DECISIONS[case]
    told = compared(model, StandIn(model.learner, change))
    assert told.used is used
    assert why in told.why
    assert (told.rows, told.device, told.versions) == (120, CARD, {"xgboost": "3"})
    assert told.gaps == 60, "each row once more with a gap"


def test_a_library_that_went_over_to_the_cpu_is_no_gpu(model: Model) -> None:
    gpu = StandIn(model.learner, alike)
    gpu.on = "cpu"
    told = compared(model, gpu)
    assert (told.agrees, told.used, told.on) == (None, False, "cpu")
    assert "computed on the CPU in place of the GPU" in told.why


def test_without_a_row_nothing_is_compared(model: Model) -> None:
    told = compared(model, StandIn(model.learner, alike), small().slice(0, 0))
    assert (told.agrees, told.used, told.rows) == (None, False, 0)


def test_a_table_without_rows_has_no_first_rows(model: Model, tmp_path: Path) -> None:
    tabling.dataset(tmp_path / "data", small().slice(0, 0))
    assert len(devices.first_rows(model, opened(tmp_path / "data"))) == 0


def test_the_first_rows_are_those_that_get_a_prediction_however_late_they_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = small(3_000)
    late = pa.array([None] * 1_500 + rows["size"].to_pylist()[1_500:])
    tabling.dataset(tmp_path / "data", rows.set_column(0, "size", late))
    how = {**HANDLING.defaults(), "type": "numeric", "missing": "drop_rows", "scaling": "none"}
    encoder, _ = learn(rows.select(["size"]), {"size": how}, np.zeros((3_000, 1)), seed=0)
    given, file = Model(encoder, StandIn(None, alike), {}), opened(tmp_path / "data")
    found = devices.first_rows(given, file)
    assert found["size"].to_pylist() == late[1_500:2_500].to_pylist()
    monkeypatch.setattr(devices, "LOOKED", 1_000)
    assert len(devices.first_rows(given, file)) == 0


SCALES = {"tiny": (0.0, 1e-6), "as they are": (0.0, 1.0), "far from zero": (1e9, 1e3)}


@pytest.mark.parametrize("case", SCALES)
def test_values_are_compared_by_their_spread(case: str) -> None:
    offset, scale = SCALES[case]
    wanted = offset + scale * np.random.default_rng(0).normal(size=500)
    for wrong in (np.zeros(500), np.full(500, wanted.mean()), wanted + scale * 1e-2):
        assert (apart.difference(wanted, wrong) or 0) > 10 * apart.TOLERANCE
    assert (apart.difference(wanted, wanted + scale * 1e-5) or 1) < apart.TOLERANCE
    single = apart.difference(wanted, wanted.astype(np.float32).astype(np.float64)) or 0
    assert (single > apart.TOLERANCE) == (offset > 0), "too coarse beside a large offset"


def test_one_value_far_outside_hides_no_error_and_makes_none() -> None:
    wanted = np.append(np.random.default_rng(0).normal(size=999), 1e6)
    assert (apart.difference(wanted, wanted.astype(np.float32)) or 1) < apart.TOLERANCE
    assert (apart.difference(wanted, np.append(np.zeros(999), 1e6)) or 0) > apart.TOLERANCE


def test_values_that_are_equal_are_compared_by_their_size() -> None:
    for size in (1e-6, 1.0, -1e9):
        equal = np.full(10, size)
        assert apart.difference(equal, equal * (1 + 1e-5)) == pytest.approx(1e-5, rel=1e-3)
        assert apart.difference(equal, np.zeros(10)) == 1
    assert apart.difference(np.zeros(10), np.zeros(10)) == 0
    assert apart.difference(np.empty(0), np.empty(0)) == 0


def test_what_is_no_number_or_of_another_shape_is_not_compared() -> None:
    two, gap = np.array([1.0, 2.0]), np.array([1.0, np.nan])
    assert apart.difference(two, two[:1]) is None
    assert apart.difference(two, gap) is None
    assert apart.difference(gap, two) is None


@pytest.mark.filterwarnings("ignore")  # XGBoost warns that it goes over
def test_a_loaded_booster_says_where_it_predicts(
    bundle: Path, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a GPU XGBoost goes over to the CPU and warns at most; asked, it says so."""
    monkeypatch.setattr(boosted, "find_spec", lambda name: None)  # CuPy raises at once
    asked = load(bundle, 1, device="cuda").learner
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    assert isinstance(asked, OnGpu)
    asked.predict(model.encoder.transform(small()))
    assert asked.predicts_on() == "cpu"
    assert not compared(model, asked).used


def on_a_leased_gpu(
    monkeypatch: pytest.MonkeyPatch, change: Callable[[Matrix, Floats], Floats]
) -> list[StandIn]:
    """The device's name and the model that is loaded for it are stand-ins."""
    made: list[StandIn] = []

    def loaded(place: Path, threads: int, device: str, *, tried: bool) -> Model:
        found = load(place, threads)
        made.append(StandIn(found.learner, change))
        return Model(found.encoder, made[-1], found.about)

    monkeypatch.setattr(devices, "load", loaded)
    monkeypatch.setattr(devices, "device_name", lambda compute, device: CARD)
    return made


def scored(home: Path, bundle: Path) -> Path:
    data = tabling.dataset(home / "data", small(200))
    folder = home / "score"
    spec = {"bundle": str(bundle), "dataset": data}
    write(
        folder,
        Job(job=2, kind="score", spec=spec, compute=Compute(device="cuda", uuids=("GPU-0",))),
    )
    KINDS["score"].run(read(folder), folder, Peers(0, 1, torch.device("cuda", 0)))
    return folder


def test_a_gpu_that_predicts_alike_scores_and_says_so(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = on_a_leased_gpu(monkeypatch, alike)
    folder = scored(tmp_path, bundle)
    (told,) = events(folder, "finished")
    assert told["facts"]["device"] == CARD
    (compared_,) = told["facts"]["parity"]
    assert (compared_["engine"], compared_["device"], compared_["used"]) == ("own", CARD, True)
    assert compared_["rows"] == 400
    assert made[0].asked == 2, "once at the gate and once for the block"
    assert any("predicts as the CPU does" in one["text"] for one in events(folder, "note"))


def test_a_gpu_that_predicts_otherwise_scores_nothing(
    bundle: Path, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = on_a_leased_gpu(monkeypatch, otherwise_at_gaps)
    folder = scored(tmp_path, bundle)
    (told,) = events(folder, "finished")
    assert told["facts"]["device"] == "CPU"
    assert told["facts"]["parity"][0]["used"] is False
    assert made[0].asked == 1
    assert told["unseen"] == {}, "what the gate compared is not counted"
    (note,) = [one for one in events(folder, "note") if one["level"] == "warning"]
    assert note["text"].endswith(f"This job predicts on the CPU, not on {CARD}.")
    made_ = pq.read_table(folder / "output" / "table.parquet").column("proba_y").to_numpy()
    assert np.array_equal(made_, model.predict(small(200))[:, 1])


def test_a_gpu_that_is_lost_on_the_way_fails_the_job(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = on_a_leased_gpu(monkeypatch, alike)

    def lost(matrix: Matrix, given: Floats) -> Floats:
        made[0].on = "cuda:0" if made[0].asked == 1 else "cpu"
        return given

    monkeypatch.setattr(StandIn, "predict", lambda one, matrix: _asked(one, matrix, lost))
    with pytest.raises(WrongDevice, match="went over to cpu"):
        scored(tmp_path, bundle)
    assert not (tmp_path / "score" / "output").exists()


def _asked(one: StandIn, matrix: Matrix, change: Callable[[Matrix, Floats], Floats]) -> Floats:
    one.asked += 1
    return change(matrix, one._own.predict(matrix))


def test_an_algorithm_without_gpus_refuses_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = train(tmp_path, small(), algorithm="logistic_regression", spec={"params": {}})
    on_a_leased_gpu(monkeypatch, alike)
    with pytest.raises(BadJob, match="Logistic regression predicts on the CPU alone"):
        scored(tmp_path / "there", folder / "bundle")


def test_a_table_is_not_judged_by_several_ranks(bundle: Path, tmp_path: Path) -> None:
    folder, spec = tmp_path / "judge", {"bundle": str(bundle), "dataset": {"folder": "/data"}}
    write(folder, Job(job=3, kind="evaluate", spec=spec))
    peers = Peers(0, 1, torch.device("cpu"))
    peers.world = 2
    with pytest.raises(BadJob, match="not 2 ranks"):
        KINDS["evaluate"].run(read(folder), folder, peers)


def test_of_several_ranks_all_predict_on_their_gpus_or_none_does(model: Model) -> None:
    fine, near = (compared(model, StandIn(model.learner, one)) for one in (alike, alike))
    far = compared(model, StandIn(model.learner, otherwise))
    near = replace(near, difference=0.0)
    assert devices.worst([near, far, fine]) is far
    assert devices.worst([near, fine]) == fine, "the one that was further apart"
