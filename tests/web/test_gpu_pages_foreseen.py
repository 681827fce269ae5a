"""The Train dialog foresees what boosted trees do with a table that a GPU's memory cannot hold."""

from typing import Any

import pyarrow as pa
import pytest
from django.test import Client

from tests.web import lab_stage, table_stage
from trackside.compute.fit import GIB, Need, verdicts
from trackside.compute.models import Gpu, UsagePeak
from trackside.datasets.models import Dataset
from trackside.lab import estimates, foreseen, services
from trackside.lab.models import Analysis

pytestmark = pytest.mark.django_db
ONE, TWO = {"kind": "any", "count": 1}, {"kind": "any", "count": 2}
HOME = "/p/INSECTS/lab/t/train/plan/"
LONG, WIDE = 300_000_000, 60  # too much for a card of 80 GiB, not in pages


@pytest.fixture
def analysis(project: Any, ada: Any) -> Analysis:
    lab_stage.node("gpu-01", 2)
    wide = {f"n{n}": [(one + n) / 7 for one in range(60)] for n in range(WIDE)}
    table = pa.table({**wide, "good": ["y", "n"] * 30})
    data = table_stage.uploaded(project, ada, "rows", table)
    made = services.create_analysis(project, ada, "t", data, "good")
    Dataset.objects.filter(pk=data.pk).update(rows=LONG)
    return Analysis.objects.get(pk=made.pk)


def model(**params: Any) -> dict[str, Any]:
    return {"algorithm": "xgboost", "params": params}


def on(analysis: Analysis, compute: dict[str, Any]) -> Analysis:
    analysis.design["compute"] = compute
    return analysis


def test_each_gpu_takes_its_part_of_the_rows_and_one_may_learn_in_pages(analysis: Analysis) -> None:
    asked = on(analysis, ONE)
    one, half = (foreseen.on_gpu(asked, model(), gpus) for gpus in (1, 2))
    assert one is not None
    assert half is not None
    assert (one.rows, one.columns, half.rows) == (LONG, WIDE, LONG // 2)
    assert foreseen.paged(asked, model(), 1) == one.in_pages() < one.whole
    assert foreseen.paged(asked, model(), 2) == 0, "several do not"
    assert foreseen.paged(asked, model(tree_method="approx"), 1) == 0
    assert foreseen.paged(asked, model(booster="dart"), 1) == 0
    assert foreseen.on_gpu(asked, {"algorithm": "lightgbm", "params": {}}, 1) is None
    assert foreseen.on_gpu(on(analysis, {"kind": "cpu"}), model(), 1) is None


def measured(analysis: Analysis, size: int, one: dict[str, Any]) -> Need:
    UsagePeak.objects.create(
        key=estimates.need(analysis, one).key, batch=0, peak=size, ranks=1, images=0, epochs=0,
        seconds=2.0, estimated=0,
    )  # fmt: skip
    return estimates.need(analysis, one)


def tile(total: int, free: int) -> dict[str, Any]:
    gpu = {"uuid": "g", "state": "free", "memory_total": total * GIB, "memory_free": free * GIB}
    return {"nodes": [{"gpus": [{**gpu, "slots": 2}]}]}


def test_a_gpu_that_was_too_small_for_a_like_training_is_not_when_it_learns_in_pages(
    analysis: Analysis,
) -> None:
    need = measured(on(analysis, ONE), 120 * GIB, model())
    assert need.paged == foreseen.paged(analysis, model(), 1)
    said = {
        (total, free): verdicts(need, tile(total, free), ONE)["g"]["verdict"]
        for total, free in ((80, 79), (180, 179), (180, 90), (80, 4), (8, 8))
    }
    assert list(said.values()) == ["tight", "fits", "tight", "no_room_now", "too_small"]
    approx = measured(analysis, 120 * GIB, model(tree_method="approx"))
    assert verdicts(approx, tile(80, 79), ONE)["g"]["verdict"] == "too_small"
    small = measured(analysis, GIB, model(max_bin=16))
    assert small.paged == 0, "all of it takes less"


def test_of_several_models_the_one_that_needs_all_of_it_there_decides() -> None:
    large, other = Need(bytes=100, paged=20), Need(bytes=60)
    assert estimates.largest([large, other]) == Need(bytes=100, paged=60)
    assert estimates.largest([large]) == large
    assert estimates.largest([Need(bytes=50, paged=20), other]) == other


def plan(as_ada: Client, **wish: Any) -> str:
    said = as_ada.post(HOME, {"model": 0, **wish}).content.decode()
    return " ".join(said.replace("&#x27;", "'").split())


def test_the_dialog_says_that_it_learns_in_pages_and_stops_nobody(
    analysis: Analysis, as_ada: Client
) -> None:
    services.save_design(analysis, "models", [model()])
    picked = {"mode": "pick", "gpu": "GPU-gpu-01-0"}
    said = plan(as_ada, **picked)
    assert "GiB of the GPU's memory, of which they may take 72.0. It learns in pages" in said
    assert "in pages" in plan(as_ada, mode="auto", count=1)
    assert "in pages" not in plan(as_ada, mode="cpu")
    Gpu.objects.filter(uuid="GPU-gpu-01-1").update(name="B300", memory_total=270 * GIB)
    assert "in pages" not in plan(as_ada, mode="auto", count=1), "the larger one holds all of it"
    assert "in pages" in plan(as_ada, mode="auto", count=1, gpu_name="h100")
    saved = Analysis.objects.get(pk=analysis.pk)
    picks_it = on(saved, {"kind": "gpus", "uuids": ["GPU-gpu-01-0"]})
    measured(picks_it, 120 * GIB, saved.design["models"][0])
    known = plan(as_ada, **picked)
    assert "Tight fit" in known
    assert "Does not fit" not in known
    budget = plan(as_ada, **picked, share="shared", memory="60")
    assert "the budget 60.0 GiB: the run would learn in pages" in budget
    Dataset.objects.update(rows=1_000_000)
    assert "in pages" not in plan(as_ada, **picked)


def test_the_dialog_says_what_would_be_refused_and_what_learns_in_pages(
    analysis: Analysis, as_ada: Client
) -> None:
    Dataset.objects.update(rows=2_000_000_000)
    services.save_design(analysis, "models", [model()])
    several = plan(as_ada, mode="pick", gpu=["GPU-gpu-01-0", "GPU-gpu-01-1"])
    assert "GiB of each GPU's memory" in several
    assert "The run would most likely stop for want of it. Choose a larger GPU" in several
    assert "in pages" not in several, "one GPU would not do either"
    alone = plan(as_ada, mode="pick", gpu="GPU-gpu-01-0")
    assert "in Train / Test set." in alone, "even its pages do not fit"
    assert "in pages" not in alone
    Dataset.objects.update(rows=700_000_000)
    services.save_design(analysis, "models", [model(booster="dart", tree_method="approx")])
    said = plan(as_ada, mode="pick", gpu="GPU-gpu-01-0")
    assert "On one GPU, with histograms and without DART, it would learn in pages" in said
