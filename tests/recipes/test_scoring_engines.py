"""A scoring job whose engine is another library: what is wrong, slow or absent is not used, and the
own predictions are then written to the byte.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recipes import extras
from recipes.algorithms import ALGORITHMS
from recipes.engine.peers import Peers
from recipes.engine.tabular import devices, parity
from recipes.engine.tabular.model import load
from recipes.job import BadJob, Compute, Job, read, write
from recipes.kinds import KINDS
from recipes.learners.learner import Floats, Matrix
from recipes.scorers import SCORERS, refusal
from recipes.scorers.scorer import Scores, Where
from tests.recipes import tabling
from tests.recipes.making import events
from tests.recipes.warm import begin

COLUMNS = ["survived", "sex", "age", "fare", "deck"]


class StandIn:
    """The own predictions, changed."""

    def __init__(self, learner: Any, change: Callable[[Matrix, Floats], Floats], on: str) -> None:
        self._own = load(learner, 1).learner if isinstance(learner, Path) else learner
        self._change, self._on = change, on
        self._known: dict[bytes, Floats] = {}

    def predict(self, matrix: Matrix) -> Floats:
        key = matrix.tobytes()  # what it was asked before it knows: it is fast
        if key not in self._known:
            self._known[key] = self._change(matrix, self._own.predict(matrix))
        return self._known[key]

    def computes_on(self) -> str:
        return self._on


def same(_: Matrix, given: Floats) -> Floats:
    return given + 1e-7


def wrong(_: Matrix, given: Floats) -> Floats:
    return given + 1e-2


def wrong_at_gaps(matrix: Matrix, given: Floats) -> Floats:
    return given + np.isnan(matrix).any(1)[:, None] * 1e-2


def no_numbers(_: Matrix, given: Floats) -> Floats:
    return np.full_like(given, np.nan)


def one_column(_: Matrix, given: Floats) -> Floats:
    return given[:, 1:]


def raises(_: Matrix, given: Floats) -> Floats:
    raise RuntimeError("no kernel image")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of rows with gaps, and its rows."""
    made = tmp_path_factory.mktemp("scorers")
    titanic = tabling.real("titanic").slice(0, 600).select(COLUMNS)
    tabling.train(made, titanic, "survived", task="two_class", spec={"params": {"rounds": 5}})
    return made


def scored(
    home: Path, name: str, engine: str, device: str = "cpu", ranks: int = 1, **more: Any
) -> Path:
    folder = home / name
    spec = {"bundle": str(home / "job" / "bundle"), "dataset": {"folder": str(home / "data")}}
    spec |= {"engine": engine, **more}
    compute = Compute(device=device, uuids=("GPU-0",) if device == "cuda" else (), ranks=ranks)
    write(folder, Job(job=2, kind="score", spec=spec, compute=compute))
    if ranks > 1:
        assert begin(folder).wait() == 0, events(folder, "failed")
    else:
        where = torch.device("cuda", 0) if device == "cuda" else torch.device("cpu")
        KINDS["score"].run(read(folder), folder, Peers(0, 1, where))
    return folder


def written(folder: Path) -> bytes:
    return (folder / "output" / "table.parquet").read_bytes()


def finished(folder: Path) -> dict[str, Any]:
    (told,) = events(folder, "finished")
    facts: dict[str, Any] = told["facts"]
    return facts


@pytest.fixture(scope="module")
def own(home: Path) -> bytes:
    return written(scored(home, "own", "own"))


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def put(
        change: Callable[[Matrix, Floats], Floats], engine: str = "onnx", on: str = "cpu"
    ) -> None:
        def make(learner: Any, where: Where) -> Scores:
            return StandIn(learner, change, on)

        monkeypatch.setitem(SCORERS, engine, replace(SCORERS[engine], make=make))

    return put


SABOTAGED = {
    "wrong": (
        wrong,
        "ONNX Runtime predicts otherwise than the model's own library, by up to 0.01.",
    ),
    "wrong at gaps": (wrong_at_gaps, "ONNX Runtime predicts otherwise than"),
    "no numbers": (no_numbers, "ONNX Runtime's predictions are no numbers where"),
    "another shape": (one_column, "ONNX Runtime's predictions are no numbers where"),
    "raises": (raises, "ONNX Runtime did not predict: no kernel image."),
}


@pytest.mark.parametrize("engine", ["onnx", "fastest"])
@pytest.mark.parametrize("case", SABOTAGED)
def test_a_wrong_scorer_scores_nothing(
    home: Path,
    own: bytes,
    stand_in: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    case: str,
    engine: str,
) -> None:
    change, why = SABOTAGED[case]
    stand_in(change)
    monkeypatch.setattr(devices, "WORTH", 0)
    for other in ("nvforest", "hummingbird"):
        stand_in(raises, other)
    folder = scored(home, f"{case} {engine}", engine)
    facts = finished(folder)
    assert written(folder) == own
    assert facts["engine"] == "own"
    told = facts["parity"][0]
    assert (told["engine"], told["used"]) == ("onnx", False)
    assert told["why"].startswith(why)
    assert told["agrees"] is (None if change is raises else False)
    level = "warning" if engine == "onnx" else "info"
    assert any(why in one["text"] and one["level"] == level for one in events(folder, "note"))


def test_a_scorer_that_says_the_same_scores(home: Path) -> None:
    folder = scored(home, "onnx", "onnx")
    facts = finished(folder)
    assert facts["engine"] == "onnx"
    (told,) = facts["parity"]
    assert told.keys() == {
        *("engine", "device", "on", "rows", "gaps", "difference", "tolerance", "agrees"),
        *("used", "why", "versions", "seconds", "when"),
    }
    assert (told["engine"], told["device"], told["on"]) == ("onnx", facts["device"], "cpu")
    assert (told["agrees"], told["used"]) == (True, True)
    assert told["versions"]["onnxruntime"] == extras.installed("onnx")
    assert told["seconds"]["own"] > 0 < told["seconds"]["engine"]
    assert any("ONNX Runtime is used." in one["text"] for one in events(folder, "note"))


def test_the_fastest_of_those_that_say_the_same_scores(
    home: Path, own: bytes, stand_in: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "WORTH", 0)
    stand_in(wrong)
    stand_in(same, "nvforest")
    stand_in(raises, "hummingbird")
    facts = finished(scored(home, "fastest", "fastest"))
    assert facts["engine"] == "nvforest"
    assert [one["used"] for one in facts["parity"]] == [False, True, False]


def report(engine: str, speed: float, *, used: bool = True) -> parity.Parity:
    return parity.Parity(
        engine=engine,
        device="CPU",
        rows=2,
        gaps=1,
        used=used,
        why="As the own library.",
        versions={},
        seconds={"own": speed, "engine": 1.0},
        when="2026-01-01T00:00:00+00:00",
    )


CHOICES = {
    "none is fast enough": ("fastest", [report("onnx", 1.1), report("nvforest", 0.5)], "own"),
    "the fastest": ("fastest", [report("onnx", 1.3), report("nvforest", 2.5)], "nvforest"),
    "none that is wrong": ("fastest", [report("onnx", 9, used=False)], "own"),
    "one that is named may be slow": ("onnx", [report("onnx", 0.2)], "onnx"),
    "one that is named and wrong": ("onnx", [report("onnx", 9, used=False)], "own"),
}


@pytest.mark.parametrize("case", CHOICES)
def test_what_is_chosen(home: Path, case: str) -> None:
    engine, reports, wanted = CHOICES[case]
    model = load(home / "job" / "bundle", 1)
    rows = parity.Sample(np.empty((0, 1), np.float32), 0, 0, np.empty(0), 0.0, None)
    peers = Peers(0, 1, torch.device("cpu"))
    trial = devices._Trial(model, rows, peers, "cpu", "CPU", 1, reports)
    assert devices._best(trial, engine) == wanted


def test_the_slowest_rank_counts() -> None:
    fast, slow = report("onnx", 3), report("onnx", 1.1)
    assert devices.worst([fast, slow]).speed == pytest.approx(1.1)
    assert not devices.worst([fast, report("onnx", 9, used=False)]).used


def test_a_row_that_would_get_another_class_is_a_difference(home: Path) -> None:
    model = load(home / "job" / "bundle", 1)
    first = tabling.real("titanic").select([one.name for one in model.encoder.columns])
    rows = parity.sample(model, first)
    at = float(rows.wanted[:, 1].max())
    rows = replace(rows, threshold=at)
    who = parity.Who(engine="It", own="the own library")
    below = StandIn(model.learner, lambda _, given: given - 1e-6, "cpu")
    told = parity.gate(rows.report("onnx", "CPU", {}), rows, lambda: below, who).told
    assert (told.agrees, told.used) == (False, False)
    assert "another class than the own library" in told.why


def test_a_scorer_scores_on_a_gpu_what_its_library_cannot(
    home: Path, own: bytes, stand_in: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "device_name", lambda compute, device: "NVIDIA Stand-in")
    monkeypatch.setattr(devices, "load", lambda place, threads, *_, **__: load(place, threads))
    stand_in(same, "nvforest", on="cuda:0")
    facts = finished(scored(home, "on gpu", "nvforest", "cuda"))
    assert (facts["engine"], facts["device"]) == ("nvforest", "NVIDIA Stand-in")
    assert [one["engine"] for one in facts["parity"]] == ["own", "nvforest"]
    stand_in(same, "nvforest", on="cpu")
    folder = scored(home, "beside gpu", "nvforest", "cuda")
    facts = finished(folder)
    assert (facts["engine"], facts["device"], written(folder) == own) == ("own", "CPU", True)
    assert "on the CPU in place of the GPU" in facts["parity"][1]["why"]


def test_what_is_not_installed_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "installed", lambda name: "")
    with pytest.raises(
        BadJob, match="ONNX Runtime is not installed here: `make extras NAMES=onnx`"
    ):
        scored(home, "absent", "onnx")


REFUSED = {
    "own on a GPU": ("own", "random_forest", "cuda", "Random forest predicts on the CPU alone"),
    "nvforest there": ("nvforest", "random_forest", "cuda", ""),
    "fastest there": ("fastest", "random_forest", "cuda", ""),
    "what nothing takes there": ("fastest", "knn", "cuda", "predicts on the CPU alone"),
    "no trees": ("nvforest", "ridge", "cpu", "nvForest cannot take a model of Ridge"),
    "own": ("own", "knn", "cpu", ""),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused_before_it_begins(case: str) -> None:
    engine, algorithm, device, sentence = REFUSED[case]
    told = refusal(engine, ALGORITHMS[algorithm], device)
    assert told == sentence or (sentence and told.startswith(sentence)) or sentence in told
    assert bool(told) == bool(sentence)


@pytest.mark.process
def test_several_ranks_score_by_the_same(home: Path) -> None:
    alone, together = scored(home, "alone", "onnx"), scored(home, "together", "onnx", ranks=2)
    assert finished(together)["engine"] == "onnx"
    assert len(finished(together)["parity"]) == 1
    assert written(alone) == written(together)
