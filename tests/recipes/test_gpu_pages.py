"""A table that a GPU's memory cannot hold is learned from pages beside it, or refused, before."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from recipes import encoded
from recipes.algorithms import ALGORITHMS
from recipes.boosted_room import SPARE, Need, at_once
from recipes.data import table as source
from recipes.engine import peers
from recipes.engine.memory import GpuOutOfMemory, OutOfMemory
from recipes.engine.tabular import design, gpu_room, room
from recipes.engine.tabular.gpu_room import Gpu
from recipes.job import Compute, read
from tests.recipes import tabling
from tests.recipes.test_from_disk import adult

CARD = ALGORITHMS["xgboost"]
GIB = 1 << 30
ROOMY = 100 * GIB
FEW = {"max_bin": 4, "max_depth": 1}  # the trees take little beside 3,000 rows


def need(rows: int = 1_000_000, classes: int = 2, **params: Any) -> Need:
    """Of 80 numbers and 20 marks."""
    assert CARD.gpu_room is not None
    return CARD.gpu_room(CARD.params.clean(params), rows, (80, 20), classes)


def test_what_xgboost_takes_of_a_gpu_follows_rows_columns_bins_and_classes() -> None:
    one = need()
    trees = 16 * (80 * 256 + 2 * 20) * 2**7
    assert one.fixed == 1_000_000 * (40 + 24) + trees
    assert one.packed == 1_000_000 * 100 * 15 // 8, "20,520 bins and missing"
    assert one.least == one.fixed + 1_000_000 * 100 * 9 // 8, "256 bins and missing"
    assert one.whole == one.fixed + one.packed + 1_000_000 * 100 * 4
    assert need(classes=5).fixed - one.fixed == 1_000_000 * 24 * 4
    assert need(rows=2_000_000).fixed - one.fixed == 1_000_000 * 64
    assert need(tree_method="approx").whole == one.fixed + one.packed
    assert need(max_leaves=8).fixed == one.fixed - trees + trees // 8
    deep = need(max_depth=0)
    assert deep.fixed == one.fixed + 15 * trees, "as if it had 10 levels"
    assert deep.least == one.least, "it may have fewer"
    for classes, margins in ((2, 1), (5, 5)):
        sure = 1_000_000 * (8 + 12 * margins) + 1_000_000 * 100 // 8
        assert need(classes=classes).sure == sure < need(classes=classes).least
    assert need(rows=8).fixed == 8 * 64 + trees // 8, "no more than two nodes a row"


def test_a_word_of_a_text_is_a_number_and_a_category_a_mark() -> None:
    kinds = [("numeric", "onehot", 1), ("text", "tfidf", 40), ("category", "onehot", 7)]
    handled = [{"type": kind, "encoding": encoding} for kind, encoding, _ in kinds]
    assert encoded.columns(handled, [wide for *_, wide in kinds]) == (41, 7)


def test_pages_have_a_part_of_the_gpu_even_where_trees_might_take_it_all() -> None:
    one = need(max_depth=0)
    assert one.left(20 * GIB) == int(SPARE * 20 * GIB) - one.fixed
    assert one.left(one.fixed) == one.fixed // 4
    assert not one.paged(one.fixed)


@pytest.mark.parametrize(
    ("room", "columns", "count"), [(0, 5, 1), (256 << 10, 8, 128), (1 << 50, 64, 1_000_000)]
)
def test_as_many_rows_come_at_once_as_find_room(room: int, columns: int, count: int) -> None:
    assert at_once(room, columns) == count


@pytest.mark.parametrize("in_pages", [False, True])
def test_the_rows_that_are_offered_fit_and_few_more_do_not(in_pages: bool) -> None:
    free = 2 * GIB
    most = need().most(free, paged=in_pages)
    kept, more = need(rows=most), need(rows=most + 1000)
    if in_pages:
        assert kept.paged(free)
        assert not more.paged(free)
    else:
        assert kept.least <= SPARE * free < more.least


class Decided:
    """What is decided of adult.csv for a GPU and a machine of so many bytes, and what is needed."""

    def __init__(self, home: Path, data: dict[str, str], patch: pytest.MonkeyPatch) -> None:
        self.home, self.data, self.patch, self.need = home, data, patch, need()
        counted = gpu_room.need

        def kept(*given: Any) -> Need | None:
            found = counted(*given)
            self.need = found or self.need
            return found

        patch.setattr(gpu_room, "need", kept)

    def __call__(self, gpu: int, node: int = ROOMY, world: int = 1, **params: Any) -> room.Fits:
        folder = tabling.job(self.home, self.data, "income", spec={"params": {**FEW, **params}})
        made = design.read(read(folder), "cuda")
        self.patch.setattr(room, "free_memory", lambda: node)
        file = source.opened(made.dataset)
        alone = world == 1 and CARD.learns_from_disk(made.params, "cuda")
        return room.check(made, file, 2, ranks=world, from_disk=alone, gpu=Gpu(gpu, world))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return tabling.dataset(tmp_path_factory.mktemp("rows") / "data", adult())


@pytest.fixture
def decided(data: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Decided:
    return Decided(tmp_path, data, monkeypatch)


def test_beyond_the_gpu_it_is_in_pages_and_says_what_is_needed_and_there(decided: Decided) -> None:
    assert decided(ROOMY).why == ""
    whole = decided.need.whole
    enough = int(whole / SPARE) + 1
    assert decided(enough) == room.Fits(decided(enough).left)
    fits = decided(enough - 2)
    assert fits.gpu == int(SPARE * (enough - 2)) - decided.need.fixed > 0
    assert f"about {whole / GIB:.1f} GiB of the GPU's memory and this job may use" in fits.why
    assert "in pages" in fits.why


def test_beyond_the_node_it_is_in_pages_too_and_the_node_holds_what_is_packed(
    decided: Decided,
) -> None:
    least = next(n for n in range(0, 10_000_000, 50_000) if _fits(decided, n))
    fits = decided(ROOMY, least)
    assert fits.why == room.IN_PAGES_OF_GPU
    assert fits.gpu > decided.need.packed
    with pytest.raises(OutOfMemory, match=r"or 0\.0 with its numbers in pages, and the node has"):
        decided(ROOMY, least - 50_000)


def _fits(decided: Decided, node: int) -> bool:
    decided.patch.setattr(room, "BLOCK", 0)
    decided.patch.setattr(room, "SKETCH", 0)
    try:
        decided(ROOMY, node)
    except OutOfMemory:
        return False
    return True


def test_where_a_node_has_no_room_for_pages_the_gpu_is_tried_with_all_of_it(
    decided: Decided,
) -> None:
    """What it takes there is foreseen at most: a job that may fit is not refused for its pages."""
    decided.patch.setattr(room, "BLOCK", 10 * GIB)
    decided(ROOMY)
    small = int(decided.need.whole / SPARE) - 2
    assert decided(small).why
    assert decided(small, GIB) == room.Fits(decided(ROOMY, GIB).left)


@pytest.mark.parametrize(
    ("params", "world", "said"),
    [
        ({}, 2, "each GPU's memory and .* Several GPUs do not learn from pages: choose more of"),
        ({"tree_method": "approx"}, 1, "Choose Tree method 'hist' and Booster 'gbtree', which"),
        ({"booster": "dart"}, 1, "Choose Tree method 'hist' and Booster 'gbtree', which"),
        ({"max_bin": 256, "max_depth": 8}, 1, "even in pages, and this job may use 0.0. Choose a"),
    ],
)
def test_what_cannot_learn_in_pages_is_refused_only_where_it_surely_does_not_fit(
    decided: Decided, params: dict[str, Any], world: int, said: str
) -> None:
    decided(ROOMY, world=world, **params)
    sure = decided.need.sure
    assert decided(sure, world=world, **params).why == ""
    with pytest.raises(GpuOutOfMemory, match=said):
        decided(sure - 1, world=world, **params)


def test_a_fraction_of_the_rows_is_offered(data: dict[str, str], tmp_path: Path) -> None:
    rows = 100_000_000
    made = design.read(read(tabling.job(tmp_path, data, "income")), "cuda")
    each = need(rows=rows // 2)
    some = int(str(2 * each.most(each.sure - 1, paged=False))[:2])
    with pytest.raises(GpuOutOfMemory, match=f"or learn from fewer rows, such as {some},000,000 "):
        gpu_room.check(made, rows, each, Gpu(each.sure - 1, 2))


def test_what_a_job_may_use_is_what_is_free_within_its_budget(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (8 * GIB, 80 * GIB))
    there: Any = SimpleNamespace(device=torch.device("cuda", 0), world=1)
    assert gpu_room.usable(Compute(device="cuda"), there) == Gpu(8 * GIB, 1)
    small = Compute(device="cuda", share=True, memory=4 * GIB)
    assert gpu_room.usable(small, there) == Gpu(4 * GIB - peers.CONTEXT, 1)
    large = Compute(device="cuda", share=True, memory=40 * GIB)
    assert gpu_room.usable(large, there) == Gpu(8 * GIB, 1)
    here: Any = SimpleNamespace(device=torch.device("cpu"), world=1)
    assert gpu_room.usable(Compute(), here) is None
