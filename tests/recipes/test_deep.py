"""Deep networks for tables: the best epoch is kept, orders are heard, weights and ranks count."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recipes.algorithms import ALGORITHMS
from recipes.job import GaveWay
from recipes.learners import taught
from recipes.learners.deep import FILE, Deep
from recipes.learners.learner import OnGpu, Round, Rows, Told
from recipes.learners.taught import NotFinite, factor
from recipes.nets.tabular import Form, FTTransformer
from tests.recipes.test_deep_ranks import rows, setup

BOTH = ("deep_mlp", "ft_transformer")


def learner(name: str, classes: int = 2, **params: Any) -> Deep:
    build = ALGORITHMS[name].learner
    assert build is not None
    one = build(setup(name, classes=classes, **params))
    assert isinstance(one, Deep)
    return one


def fitted(one: Deep, validation: Rows | None = None, learned: Rows | None = None) -> list[Round]:
    told: list[Round] = []
    one.fit(rows(160) if learned is None else learned, validation, Told(told.append))
    return told


@pytest.mark.parametrize("name", BOTH)
def test_the_best_epoch_is_kept_and_the_bundle_holds_it(name: str, tmp_path: Path) -> None:
    held = rows(60, 1)
    one = learner(name, rounds=200, patience=3, learning_rate=0.03)
    told = fitted(one, held)
    losses = [each["val_loss"] for each in told]
    best = 1 + int(np.argmin(losses))
    assert len(told) == best + 3
    assert one.facts() == {"rounds": best, "device": "cpu"}
    given = one.predict(held.matrix)
    picked = given[np.arange(60), held.target.astype(int)]
    loss = np.average(-np.log(picked), weights=held.weight)
    assert loss == pytest.approx(losses[best - 1], rel=1e-4)
    (folder := tmp_path / "net").mkdir()
    one.save(folder)
    assert [file.name for file in folder.iterdir()] == [FILE]
    again = learner(name)
    again.load(folder)
    np.testing.assert_array_equal(again.predict(held.matrix), given)
    # A row is told the same whatever rows are predicted with it.
    np.testing.assert_allclose(again.predict(held.matrix[:1]), given[:1], rtol=1e-12)
    assert isinstance(again, OnGpu)
    assert one.again(7) == {**setup(name).params, **one.again(7), "rounds": 7}


def test_the_same_seed_learns_the_same_and_another_one_something_else() -> None:
    given = [one.predict(rows(5).matrix) for one in (learner("deep_mlp"), learner("deep_mlp"))
             if fitted(one)]  # fmt: skip
    np.testing.assert_array_equal(*given)


def test_a_large_net_is_judged_by_fewer_rows_at_once_and_says_the_same_loss(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """8,192 rows of a wide FT-Transformer would take gigabytes. 60 rows in blocks of 7 and a 4."""
    held, losses, most = rows(60, 1), [], []
    drawn = taught.Batches.__iter__
    for numbers in (taught.AT_ONCE, 5 * 16 * 7 + 3):  # a row has 4 columns and one token more
        seen: list[int] = []

        def counted(self: Any, seen: list[int] = seen) -> Any:
            for x, y in drawn(self):
                seen.append(0 if self._count else len(x))
                yield x, y

        monkeypatch.setattr(taught, "AT_ONCE", numbers)
        monkeypatch.setattr(taught.Batches, "__iter__", counted)
        one = learner("ft_transformer", rounds=2, heads=2)
        losses.append([each["val_loss"] for each in fitted(one, held)])
        most.append(sorted(set(seen)))
    assert most == [[0, 60], [0, 4, 7]]
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)


@pytest.mark.parametrize("word", ["finish_early", "yield"])
def test_an_order_is_heard_within_an_epoch(word: str) -> None:
    asked = 0

    def stopped() -> bool:
        nonlocal asked
        asked += 1
        if asked == 3 and word == "yield":
            raise GaveWay
        return asked >= 3

    told: list[Round] = []
    one = learner("deep_mlp", rounds=50)
    if word == "yield":
        with pytest.raises(GaveWay):
            one.fit(rows(160), rows(60, 1), Told(told.append, stopped))
        assert told == []
        return
    one.fit(rows(160), rows(60, 1), Told(told.append, stopped))
    assert asked == 3  # of the 10 steps of the first epoch
    assert [each["round"] for each in told] == [1]
    assert one.facts()["rounds"] == 1


def test_rows_without_weight_teach_nothing() -> None:
    table = rows(300)
    lied = np.arange(300) % 2 == 0
    weighed = Rows(
        table.matrix, np.where(lied, 1 - table.target, table.target), np.where(lied, 0.0, 1.0)
    )
    one = learner("deep_mlp", rounds=30)
    fitted(one, learned=weighed)
    assert (one.predict(table.matrix).argmax(1) == table.target).mean() > 0.9


@pytest.mark.parametrize("loss", ["squared", "absolute"])
def test_a_number_is_learned_in_its_own_size_and_gone_on_from(loss: str, tmp_path: Path) -> None:
    table = rows(300)
    large = Rows(table.matrix, 1e6 + 1e4 * table.matrix[:, 0].astype(np.float64), None)
    one = learner("deep_mlp", classes=0, rounds=15, loss=loss)
    told = fitted(one, large, large)
    assert told[0]["val_loss"] > told[-1]["val_loss"]
    assert told[-1]["val_loss"] < 5000
    assert np.abs(one.predict(table.matrix) - large.target).mean() < 5000
    one.save(tmp_path)
    more = learner("deep_mlp", classes=0, rounds=5, loss=loss, early_stopping=False)
    more.load(tmp_path)
    further = fitted(more, large, large)
    assert further[0]["val_loss"] < told[0]["val_loss"] / 2
    assert more.facts() == {"rounds": one.facts()["rounds"] + 5, "device": "cpu",
                            "went_on_from": one.facts()["rounds"]}  # fmt: skip


def test_a_loss_that_is_no_number_ends_the_training_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lost = torch.tensor(float("nan"), requires_grad=True)
    monkeypatch.setattr(taught.Loss, "forward", lambda *_: lost)
    with pytest.raises(NotFinite, match="In epoch 1 the loss was no number any more"):
        fitted(learner("deep_mlp"))


def test_an_unseen_category_says_nothing_until_rows_teach_it() -> None:
    form = Form(blocks=1, width=8, heads=2, attention_dropout=0.0, dropout=0.0)
    net = FTTransformer(3, 2, {1: 4}, form)
    seen = torch.zeros(5, 3)
    seen[:, 1] = torch.tensor([-1.0, 0.0, 3.0, 9.0, -5.0])
    tokens = net.tokens(seen)
    own = tokens[:, -1] - net.tokens.bias[-1]  # the numbers come first
    assert not own[0].any()
    assert own[1].any()
    torch.testing.assert_close(own[3], own[2])  # never beyond its own categories
    torch.testing.assert_close(own[4], own[0])


def test_the_learning_rate_rises_and_stays_or_falls() -> None:
    assert factor(0, 1000, "constant") < 0.02
    assert factor(500, 1000, "constant") == 1
    assert factor(999, 1000, "cosine") < 0.001
    assert 0.4 < factor(550, 1000, "cosine") < 0.6


def test_heads_share_the_width_and_a_change_is_said() -> None:
    card = ALGORITHMS["ft_transformer"]
    done = card.resolve(card.params.clean({"width": 30, "heads": 8}), {}, {}, "cpu")
    assert done.params["width"] == 32
    assert "32, not 30" in done.notes[0]
    assert card.resolve(done.params, {}, {}, "cpu").notes == []


@pytest.mark.parametrize("name", BOTH)
def test_a_bundle_that_names_a_larger_network_takes_no_memory(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its params came with the file: by hand a bundle is scored that others made."""
    one = learner(name, rounds=1)
    fitted(one)
    one.save(tmp_path)
    larger = learner(name, width=4096)
    monkeypatch.setattr(Deep, "_new", lambda self: pytest.fail("It was made."))
    with pytest.raises(ValueError, match="other weights than such a network"):
        larger.load(tmp_path)
