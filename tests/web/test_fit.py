"""What a training needs, where it fits, when it starts: estimates that say what they rest on."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackside.compute import outlook
from trackside.compute.fit import CONTEXT, GIB, Need, budget, estimate, shapes, verdicts

MIB = 2**20
CATALOGUE = {
    "backbones": [
        {
            "name": "resnet50",
            "parameters": 25_600_000,
            "input": 224,
            "min_size": 32,
            "activation": {"all": 170 * MIB, "head": 12 * MIB},
        },
        {"name": "vit", "parameters": 86_000_000, "input": {"size": 224}, "min_size": 224},
    ]
}
PHOTOS = {"images": 400, "width": {"median": 500}, "height": {"median": 375}}
DIGITS = {"images": 1000, "width": {"median": 28}, "height": {"median": 28}}
GPU = {"kind": "any", "count": 1}
CPU = {"kind": "cpu", "ranks": 2}


@dataclass
class Measured:
    key: str
    batch: int = 32
    estimated: int = 0
    peak: int = 0
    ranks: int = 1
    images: int = 400
    epochs: int = 10
    seconds: float = 0.0


def design(**more: Any) -> dict[str, Any]:
    params = {"backbone": "resnet50", "retrained": "all", **more.pop("params", {})}
    return {"params": params, "training": {"batch_size": 32, **more}}


def need(
    one: dict[str, Any] | None = None, compute: dict[str, Any] | None = None, **more: Any
) -> Need:
    facts, peaks = more.get("images", PHOTOS), more.get("peaks", [])
    return estimate(one or design(), CATALOGUE, images=facts, compute=compute or GPU, peaks=peaks)


def size(one: Need) -> int:
    assert one.bytes is not None
    return one.bytes


def test_the_formula_counts_weights_gradients_state_and_activations() -> None:
    one = need(compute={**GPU, "precision": "fp32"})
    fixed, activations = 25_600_000 * 16, 32 * 170 * MIB
    assert size(one) == int((fixed + activations) * 1.1) + CONTEXT
    assert one.basis == "By formula, ±30%: no like training has been measured."


@pytest.mark.parametrize(
    ("less", "more"),
    [
        (design(batch_size=8), design(batch_size=64)),
        (design(params={"image_size": 128}), design(params={"image_size": 256})),
        (design(params={"retrained": "head"}), design(params={"retrained": "last"})),
        (design(params={"retrained": "last"}), design(params={"retrained": "all"})),
        (design(optimizer="sgd"), design(optimizer="adamw")),
    ],
)
def test_a_larger_training_needs_more(less: dict[str, Any], more: dict[str, Any]) -> None:
    assert size(need(less)) < size(need(more))


def test_half_precision_needs_less_and_several_gpus_more() -> None:
    assert size(need()) < size(need(compute={**GPU, "precision": "fp32"}))
    assert size(need()) < size(need(compute={"kind": "any", "count": 4}))


def test_like_trainings_correct_the_formula() -> None:
    plain = need()
    peaks = [
        Measured(key=plain.key, estimated=plain.formula, peak=int(plain.formula * factor))
        for factor in (1.1, 1.2, 1.3)
    ]
    better = need(peaks=peaks)
    assert size(better) == pytest.approx(plain.formula * 1.2 + CONTEXT, rel=1e-6)
    assert better.basis == "From 3 like trainings, ±8%."
    assert size(need(peaks=[Measured(key="other", estimated=1, peak=9)])) == size(plain)


def test_small_pictures_get_a_small_input() -> None:
    assert shapes(design(), DIGITS, GPU, CATALOGUE)[0].size == 128
    scratch = design(params={"pretrained": False})
    assert shapes(scratch, DIGITS, GPU, CATALOGUE)[0].size == 32
    assert shapes(design(params={"backbone": "vit"}), DIGITS, GPU, CATALOGUE)[0].size == 224


def test_automatic_is_the_head_on_features_on_a_cpu_and_all_layers_on_a_gpu() -> None:
    automatic = design(params={"retrained": "auto"})
    on_cpu, on_gpu = (shapes(automatic, PHOTOS, one, CATALOGUE)[0] for one in (CPU, GPU))
    assert (on_cpu.retrained, on_cpu.features) == ("head", True)
    assert (on_gpu.retrained, on_gpu.precision) == ("all", "bf16")


@pytest.mark.parametrize(
    ("one", "compute", "basis"),
    [
        (design(), CPU, "Not estimated on a CPU: no like training has been measured."),
        (design(params={"backbone": "unknown"}), GPU, "No machine has described unknown yet."),
        (design(params={"backbone": "vit"}), GPU, "vit has not been measured on a machine yet."),
        ({"models": []}, GPU, "No model is chosen."),
    ],
)
def test_what_is_not_known_is_none_and_says_why(
    one: dict[str, Any], compute: dict[str, Any], basis: str
) -> None:
    assert need(one, compute).bytes is None
    assert need(one, compute).basis == basis


def test_a_cpu_estimate_is_what_like_trainings_took() -> None:
    key = need(compute=CPU).key
    one = need(compute=CPU, peaks=[Measured(key=key, peak=900 * MIB)])
    assert (one.bytes, one.basis) == (900 * MIB, "From 1 like training, ±5%.")


def test_the_largest_chosen_model_counts() -> None:
    models = [design(), design(params={"retrained": "head"})]
    both = {"models": models, "training": {"batch_size": 32}}
    assert size(need(both)) == size(need())


def tile(**more: Any) -> dict[str, Any]:
    return {
        "uuid": "GPU-a",
        "name": "H100",
        "state": "free",
        "holder": None,
        "queue": 0,
        "memory_total": 80 * GIB,
        "memory_free": 79 * GIB,
        "slots": 4,
        **more,
    }


def board(*gpus: dict[str, Any], cores_free: int = 2) -> dict[str, Any]:
    node = {"name": "gpu-01", "state": "online", "cores_free": cores_free, "gpus": list(gpus)}
    return {"nodes": [node]}


@pytest.mark.parametrize(
    ("needs", "gpu", "verdict"),
    [
        (20 * GIB, tile(), "fits"),
        (70 * GIB, tile(), "tight"),
        (20 * GIB, tile(memory_free=10 * GIB), "no_room_now"),
        (90 * GIB, tile(), "too_small"),
        (20 * GIB, tile(state="busy"), "busy"),
        (90 * GIB, tile(state="busy"), "too_small"),
        (20 * GIB, tile(state="foreign"), "busy"),
        (None, tile(), None),
        (None, tile(state="quarantined"), "busy"),
    ],
)
def test_a_tile_says(needs: int | None, gpu: dict[str, Any], verdict: str | None) -> None:
    found = verdicts(Need(bytes=needs), board(gpu), GPU)["GPU-a"]
    assert found == {"verdict": verdict, "needs": needs, "free": gpu["memory_free"]}


SHARED = {**GPU, "share": "shared"}
TWO = {"slots": 4, "taken": 2, "memory": 30 * GIB}


@pytest.mark.parametrize(
    ("memory", "gpu", "verdict", "free"),
    [
        (20, tile(), "fits", 79),
        (20, tile(state="busy"), "busy", 79),  # held by one job alone
        (20, tile(state="busy", shares=TWO), "fits", 50),
        (60, tile(state="busy", shares=TWO), "no_room_now", 50),
        (20, tile(state="busy", shares={**TWO, "taken": 4}), "busy", 50),
        (20, tile(state="busy", shares=TWO, memory_free=10 * GIB), "no_room_now", 10),
        (90, tile(state="busy", shares=TWO), "too_small", 50),
        (20, tile(state="foreign", shares=None), "busy", 79),
        (20, tile(parent="GPU-card", slots=1), "not_shared", 79),
        (20, tile(slots=1), "not_shared", 79),  # a whole card that is never shared
        (79, tile(), "fits", 79),  # a budget is an upper end: it is not tight
    ],
)
def test_a_shared_job_needs_its_budget_beside_the_others(
    memory: int, gpu: dict[str, Any], verdict: str, free: int
) -> None:
    wish = {**SHARED, "memory": memory * GIB}
    found = verdicts(Need(bytes=GIB), board(gpu), wish)["GPU-a"]
    assert found == {"verdict": verdict, "needs": memory * GIB, "free": free * GIB}
    alone = verdicts(Need(bytes=GIB), board(tile(state="busy", shares=TWO)), GPU)["GPU-a"]
    assert alone["verdict"] == "busy"


def test_a_budget_is_the_estimates_upper_end_and_a_gib_at_least() -> None:
    assert budget(Need(bytes=10 * GIB, spread=0.3)) == 13 * GIB
    assert budget(Need(bytes=GIB // 4, spread=0.3)) == GIB
    assert budget(Need(bytes=None)) is None
    said = verdicts(Need(bytes=10 * GIB, spread=0.3), board(tile()), SHARED)["GPU-a"]
    assert said["needs"] == 13 * GIB


@given(st.integers(1, 10**12), st.floats(0, 1))
def test_a_budget_covers_the_estimate(needs: int, spread: float) -> None:
    asked = budget(Need(bytes=needs, spread=spread))
    assert asked is not None
    assert needs * (1 + spread) <= asked * (1 + 1e-9)


@pytest.mark.parametrize(
    ("compute", "shown", "seconds"),
    [
        (CPU, board(), 0),
        ({"kind": "cpu", "ranks": 4}, board(), None),
        (GPU, board(tile()), 0),
        (GPU, board(tile(state="busy", holder={"eta": 90})), 90),
        (GPU, board(tile(state="busy", holder={"eta": None})), None),
        (GPU, board(tile(state="busy", holder={"eta": 90}, queue=1)), None),
        ({"kind": "any", "count": 2}, board(tile(), tile(state="busy", holder={"eta": 5})), 5),
        ({"kind": "any", "count": 3}, board(tile()), None),
        ({"kind": "gpus", "uuids": ["GPU-a"]}, board(tile()), 0),
        ({"kind": "gpus", "uuids": ["GPU-b"]}, board(tile()), None),
        (CPU, {"nodes": []}, None),
    ],
)
def test_a_start_is_now_or_known_or_honestly_unknown(
    compute: dict[str, Any], shown: dict[str, Any], seconds: int | None
) -> None:
    answer = outlook.start(compute, shown)
    assert answer["seconds"] == seconds
    assert answer["text"].endswith(".")


def duration(compute: dict[str, Any], peaks: list[Measured]) -> dict[str, Any]:
    return outlook.duration(
        design(epochs=20), CATALOGUE, images=PHOTOS, compute=compute, peaks=peaks
    )


def test_a_duration_comes_from_like_trainings_only() -> None:
    assert duration(GPU, [])["seconds"] is None
    like = Measured(key=need().key, images=200, epochs=10, seconds=30.0)
    assert duration(GPU, [like])["seconds"] == 120.0  # twice the pictures, twice the epochs
    assert duration({"kind": "any", "count": 2}, [like])["seconds"] == 60.0


def test_the_effective_batch_counts_every_device() -> None:
    answer = outlook.effective_batch(design(), {"kind": "gpus", "uuids": ["a", "b"]})
    assert answer["text"] == "32 per GPU x 2 = 64 pictures in each step"
    assert outlook.effective_batch(design(), CPU)["total"] == 64


@given(st.integers(1, 512), st.integers(1, 512), st.sampled_from(["head", "last", "all"]))
def test_needs_grow_with_the_batch(one: int, other: int, retrained: str) -> None:
    small, large = sorted((one, other))
    params = {"retrained": retrained}
    first, second = (need(design(batch_size=n, params=params)) for n in (small, large))
    assert 0 < size(first) <= size(second)
