"""Pages for a GPU: how they come to XGBoost. The CPU stands in for it behind the same iterator."""

import math
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import xgboost

from recipes.algorithms import ALGORITHMS
from recipes.learners import boosted, paged
from recipes.learners.learner import Company, Matrix, Pages, Rows, Told
from tests.recipes import boosting

CARD = ALGORITHMS["xgboost"]
HERE = 200  # rows of a block


def below(arrays: list[Any]) -> Any:
    """In place of a GPU: this machine's memory."""
    return np.concatenate(arrays)


def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """The CPU for a GPU: it keeps no pages elsewhere."""
    monkeypatch.setattr(paged, "on_gpu", below)
    monkeypatch.setattr(paged, "host_share", lambda *_, **__: None)


def in_pages(given: Rows, folder: Path, gpu: int = 1 << 30) -> Rows:
    def blocks() -> Iterator[Matrix]:
        for start in range(0, len(given.target), HERE):
            yield given.matrix[start : start + HERE].copy()

    folder.mkdir(parents=True, exist_ok=True)
    pages = Pages(blocks=blocks, rows=HERE, folder=folder, gpu=gpu)
    return Rows(given.matrix[:0], given.target, given.weight, pages)


def weighted(count: int, classes: int = 2, seed: int = 0) -> Rows:
    return boosting.rows(count, classes, seed, weight=np.linspace(0.5, 2, count))


def taken(parts: paged.Parts) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while parts.next(lambda **given: found.append(given)):
        pass
    return found


def test_blocks_come_together_with_their_targets_and_weights_each_time(tmp_path: Path) -> None:
    given = weighted(1_000)
    paged_rows = in_pages(given, tmp_path)
    assert paged_rows.pages is not None
    put: list[tuple[np.dtype[Any], tuple[int, ...]]] = []

    def place(arrays: list[Any]) -> Any:
        made = below(arrays)
        put.append((made.dtype, made.shape))
        return made

    parts = paged.Parts(paged_rows, paged_rows.pages, place=place, together=3, page=7)
    assert parts.min_cache_page_bytes == 7
    for _ in range(2):
        parts.reset()
        first, last = taken(parts)
        assert [len(one["data"]) for one in (first, last)] == [600, 400]
        for name, whole in (("data", given.matrix), ("label", given.target)):
            made = np.concatenate([first[name], last[name]])
            np.testing.assert_array_equal(made, whole)
        made = np.concatenate([first["weight"], last["weight"]])
        np.testing.assert_array_equal(made, given.weight)
    assert put[:3] == [(np.float32, (600, 3)), (np.float64, (600,)), (np.float64, (600,))]
    without = Rows(given.matrix[:0], given.target, None, paged_rows.pages)
    assert taken(paged.Parts(without, paged_rows.pages, place=place))[0]["weight"] is None


def test_what_comes_to_a_gpu_is_there_when_xgboost_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """XGBoost computes on another stream, and a tensor tells it of none."""
    done: list[str] = []

    class Card:
        def cuda(self) -> "Card":
            done.append("brought")
            return self

    stream = SimpleNamespace(synchronize=lambda: done.append("waited"))
    torch_there = SimpleNamespace(
        from_numpy=lambda _: Card(),
        cat=lambda _: done.append("joined"),
        cuda=SimpleNamespace(current_stream=lambda: stream),
    )
    monkeypatch.setattr(paged, "import_module", lambda _: torch_there)
    paged.on_gpu([np.ones(3), np.ones(2)])
    assert done == ["brought", "brought", "joined", "waited"]


class OnCard(np.ndarray[Any, Any]):
    """As an array on a GPU looks to XGBoost."""

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        told = dict(self.__array_interface__)
        return {**told, "version": 2}


def test_without_cupy_the_proxy_takes_the_array_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """XGBoost's own way in imports CuPy, which comes with an extra."""
    given = weighted(600)
    paged_rows = in_pages(given, tmp_path)
    assert paged_rows.pages is not None
    monkeypatch.setattr(paged, "find_spec", lambda name: None)
    took: list[Any] = []
    proxy = xgboost.core._ProxyDMatrix
    monkeypatch.setattr(proxy, "_ref_data_from_cuda_interface", lambda _, one: took.append(one))
    monkeypatch.setattr(proxy, "set_info", lambda _, **given: took.append(given))
    parts = paged.Parts(
        paged_rows, paged_rows.pages, place=lambda made: below(made).view(OnCard), together=3
    )
    assert parts.next(None)
    assert not parts.next(None)
    assert took[0].dtype == np.float32
    assert took[0].__cuda_array_interface__["shape"] == (600, 3)
    np.testing.assert_array_equal(took[1]["label"], given.target)
    np.testing.assert_array_equal(took[1]["weight"], given.weight)


def test_with_cupy_xgboost_takes_a_tensor_for_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """It knows arrays on a GPU by their interface, and hands them on as they are."""
    pytest.importorskip("cupy")
    made = np.ones((4, 2), np.float32).view(OnCard)
    tensor: Any = torch.Tensor._make_subclass(_Tensor, torch.ones(4, 2))
    from xgboost.data import _proxy_transform, is_on_cuda

    for one in (made, tensor):
        assert is_on_cuda(one)
        assert _proxy_transform(one, None, None, False)[0] is one


class _Tensor(torch.Tensor):
    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {"version": 2}


@pytest.mark.parametrize("classes", [2, 4, 0])
def test_in_pages_it_learns_what_it_learns_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, classes: int
) -> None:
    """With a judging part, early stopping, and the training's own loss now and then."""
    stand_in(monkeypatch)
    train, judge = weighted(1_000, classes), weighted(400, classes, seed=1)
    told: list[list[Any]] = []
    given = []
    for name in ("whole", "pages"):
        asked = train, judge
        if name == "pages":
            asked = in_pages(train, tmp_path / "a"), in_pages(judge, tmp_path / "b")
        heard: list[Any] = []
        learner = boosted.build(boosting.setup(CARD, classes, rounds=60, patience=5))
        learner.fit(*asked, Told(tell=heard.append))
        told.append(heard)
        given.append(learner.predict(judge.matrix))
    assert len(told[0]) == len(told[1])
    assert sum(one["train_loss"] is not None for one in told[1]) > 10
    for one, other in zip(*told, strict=True):
        assert one["val_loss"] == pytest.approx(other["val_loss"], rel=0.02)
    assert np.abs(given[0] - given[1]).mean() < 0.02 * max(1, np.abs(given[0]).mean())


def test_pages_are_as_large_as_their_part_of_the_gpu_and_the_rest_lies_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def made(parts: Any, **given: Any) -> None:
        asked.append((parts, given))

    monkeypatch.setattr(xgboost, "ExtMemQuantileDMatrix", made)
    setup = boosting.setup(CARD, threads=2, max_bin=32)
    gpu = HERE * 3 * 32 * 8 * 4  # an eighth of it takes four blocks while they are sorted
    given = in_pages(weighted(1_000), tmp_path, gpu)
    assert given.pages is not None
    paged.matrix(given, given.pages, setup)
    paged.matrix(given, given.pages, setup, like="the training's")
    (parts, told), (_, of_judging) = asked
    assert parts.min_cache_page_bytes == gpu // 16
    assert [len(one) for one in _joined(parts)] == [800, 200]
    assert (told["max_bin"], told["nthread"], told["max_quantile_batches"]) == (32, 2, 16)
    assert told["cache_host_ratio"] == 0, "all of them find a place there"
    assert (of_judging["ref"], of_judging["cache_host_ratio"]) == ("the training's", 1.0)


def _joined(parts: paged.Parts) -> list[Any]:
    parts._place = below
    return [one["data"] for one in taken(parts)]


@pytest.mark.parametrize(("packed", "share"), [(0, 0), (400, 0), (800, 0.5), (4000, 0.9)])
def test_how_much_of_the_pages_lies_in_this_machines_memory(packed: int, share: float) -> None:
    found = paged.host_share(packed, 1000, judges=False)
    assert found is not None
    assert math.isclose(found, share)
    assert paged.host_share(packed, 1000, judges=True) == 1


def test_the_drivers_pool_is_asked_for_and_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_to: list[bool] = []
    monkeypatch.setattr(
        xgboost, "set_config", lambda **given: set_to.append(given["use_cuda_async_pool"])
    )
    with paged.pooled(None), paged.pooled(in_pages(weighted(10), tmp_path, gpu=0).pages):
        assert set_to == []
    with paged.pooled(in_pages(weighted(10), tmp_path).pages):
        assert set_to == [True]
    assert set_to == [True, False]


def test_a_gpu_without_such_a_pool_does_without(tmp_path: Path) -> None:
    """XGBoost leaves the wish on where it refuses it."""
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with paged.pooled(in_pages(weighted(10), tmp_path).pages):
        assert not xgboost.get_config()["use_cuda_async_pool"]


SAID = "Memory allocation error on worker 0: std::bad_alloc: cudaErrorMemoryAllocation: out of"


@pytest.mark.parametrize(
    ("device", "world", "wrong", "said"),
    [
        ("cuda", 1, xgboost.core.XGBoostError(SAID), "learned 10 rows of 3 .* Choose a GPU with"),
        ("cuda", 2, xgboost.core.XGBoostError(SAID), "its part of them. Choose more GPUs, or ones"),
        ("cuda", 1, torch.OutOfMemoryError("CUDA out of memory. Tried"), "fewer bins, shallower"),
        ("cuda", 1, MemoryError("Out of memory allocating 1 bytes"), "or leave columns out"),
        ("cuda", 1, xgboost.core.XGBoostError("Check failed: labels"), None),
        ("cpu", 1, xgboost.core.XGBoostError(SAID), None),
    ],
)
def test_a_gpu_that_is_full_is_told_as_a_sentence(
    device: str, world: int, wrong: Exception, said: str | None
) -> None:
    setup = boosting.setup(CARD, device=device)
    setup = type(setup)(**{**vars(setup), "company": Company(world=world)})
    kind = paged.GpuFull if said else type(wrong)
    with pytest.raises(kind, match=said or ".") as found, paged.explained(weighted(10), setup):
        raise wrong
    assert (getattr(found.value, "code", "") == "cuda_out_of_memory") == bool(said)


def test_a_fit_that_fills_the_gpu_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise xgboost.core.XGBoostError(SAID)

    monkeypatch.setattr(xgboost, "train", full)
    learner = boosted.build(boosting.setup(CARD, device="cuda"))
    with pytest.raises(paged.GpuFull):
        learner.fit(weighted(50), None, Told())
