"""Dense networks: each library learns the same, and plain arithmetic predicts as it does."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from recipes.algorithms import ALGORITHMS
from recipes.learners import dense, flax_net, keras_net
from recipes.learners.dense import Dense
from recipes.learners.learner import Round, Rows, Setup, Told, WrongDevice

LIBRARIES = {
    "jax": flax_net.build,
    "keras": keras_net.on_torch,
    "tensorflow": keras_net.on_tensorflow,
}
COLUMNS, CLASSES = 6, 3
RNG = np.random.default_rng(0)
MATRIX = RNG.normal(size=(400, COLUMNS)).astype(np.float32)
TARGET = np.digitize(MATRIX[:, 0] + np.sin(2 * MATRIX[:, 1]), [-0.5, 0.5]).astype(np.float64)
TRAIN = Rows(MATRIX[:300], TARGET[:300], None)
HELD = Rows(MATRIX[300:], TARGET[300:], None)


def new(name: str, *, device: str = "cpu", classes: int = CLASSES, **params: Any) -> Any:
    small = {"layers": 2, "width": 16, "rounds": 3, "learning_rate": 0.01, "dropout": 0.0}
    setup = Setup(
        classes=classes,
        params={**ALGORITHMS[name].params.defaults(), **small, **params},
        seed=5,
        threads=1,
        device=device,
        names=[f"c{one}" for one in range(COLUMNS)],
    )
    return LIBRARIES[name](setup)


def fitted(made: Dense, train: Rows = TRAIN, held: Rows | None = HELD) -> list[Round]:
    heard: list[Round] = []
    made.fit(train, held, Told(heard.append))
    return heard


def same(one: Dense, other: Dense) -> bool:
    return all(map(np.array_equal, one._weights, other._weights))


@pytest.mark.parametrize("name", LIBRARIES)
def test_each_library_learns_the_same_and_arithmetic_predicts_as_it_does(name: str) -> None:
    one = new(name, activation="silu")
    told = [each["val_loss"] for each in fitted(one)]
    assert told == pytest.approx([0.76245, 0.66403, 0.62787], rel=1e-3)
    for activation in dense.ACTIVATIONS:
        again = new(name, activation=activation)
        with again._begin(again._setup, one._weights) as teacher:
            if name == "jax":
                teacher.net.eval()
            made = teacher.net(MATRIX)
            given = made.detach().numpy() if name == "keras" else np.asarray(made)
        np.testing.assert_allclose(again._margins(one._weights, MATRIX), given, atol=1e-5)


@pytest.mark.parametrize("name", list(reversed(LIBRARIES)))  # Keras keeps the backend that it has
def test_the_same_seed_drops_the_same_neurons_and_early_stopping_keeps_the_best(name: str) -> None:
    how: dict[str, Any] = {"dropout": 0.3, "rounds": 15, "patience": 2, "learning_rate": 0.03}
    one, other = new(name, **how), new(name, **how)
    heard = fitted(one)
    fitted(other)
    assert same(one, other)
    losses = [each["val_loss"] for each in heard]
    assert len(losses) < 15
    assert one.facts() == {"rounds": int(np.argmin(losses)) + 1, "device": "cpu"}
    sure = one.predict(HELD.matrix)[np.arange(100), HELD.target.astype(int)]
    assert -np.log(sure).mean() == pytest.approx(min(losses), rel=1e-9)


def test_a_training_is_finished_early_and_keeps_what_it_knows() -> None:
    made, heard = new("jax", rounds=50), list[Round]()
    made.fit(TRAIN, None, Told(heard.append, lambda: len(heard) == 2))
    assert [one["val_loss"] for one in heard] == [None, None]
    assert made.facts()["rounds"] == 2


def test_rows_of_no_weight_teach_nothing() -> None:
    wrong = Rows(MATRIX[:300], (TARGET[:300] + 1) % 3, np.zeros(300))
    both = Rows(
        np.concatenate([TRAIN.matrix, wrong.matrix]),
        np.concatenate([TRAIN.target, wrong.target]),
        np.repeat([2.5, 0.0], 300),
    )
    made = new("jax", rounds=20)
    fitted(made, both)
    assert (made.predict(HELD.matrix).argmax(1) == HELD.target).mean() > 0.75


def test_a_number_comes_back_in_its_own_size() -> None:
    made = new("jax", classes=0, rounds=20)
    rows = [Rows(one.matrix, 1e6 + 5000 * one.matrix[:, 0].astype(float), None) for one in
            (TRAIN, HELD)]  # fmt: skip
    heard = fitted(made, *rows)
    error = np.sqrt(np.square(made.predict(rows[1].matrix) - rows[1].target).mean())
    assert error == pytest.approx(min(one["val_loss"] for one in heard), rel=1e-9)
    assert error < 1500


def test_a_training_goes_on_from_what_was_saved(tmp_path: Path) -> None:
    first, again = new("jax"), new("jax")
    fitted(first)
    first.save(tmp_path)
    again.load(tmp_path)
    assert same(first, again)
    assert fitted(again)[0]["val_loss"] < 0.62
    assert again.facts() == {"rounds": 6, "device": "cpu", "went_on_from": 3}


def test_a_row_is_told_the_same_whatever_rows_it_comes_with() -> None:
    made = new("jax", rounds=1)
    fitted(made)
    alone = np.concatenate([made.predict(MATRIX[one : one + 1]) for one in range(50)])
    np.testing.assert_allclose(alone, made.predict(MATRIX)[:50], rtol=1e-12)
    assert made.predict(MATRIX[:0]).shape == (0, CLASSES)


def test_a_network_that_lost_itself_is_a_sentence() -> None:
    matrix = TRAIN.matrix.copy()
    matrix[7, 0] = np.inf
    with pytest.raises(dense.NotFinite, match="In epoch 1 the loss was no number any more"):
        fitted(new("jax"), Rows(matrix, TRAIN.target, None))


def test_jax_does_not_go_over_to_the_cpu_without_a_word() -> None:
    import jax

    if jax.default_backend() == "gpu":
        pytest.skip("there is a GPU to train on")
    with pytest.raises(WrongDevice, match="to train on cuda and JAX finds none on this node"):
        fitted(new("jax", device="cuda"))
    fitted(new("jax", rounds=1))


def test_arrays_of_another_network_are_a_sentence(tmp_path: Path) -> None:
    made = new("keras")
    made._weights = dense.first_weights([COLUMNS, 16, 16, CLASSES], 0)
    made.save(tmp_path)
    file = tmp_path / dense.FILE
    arrays = load_file(file)
    strange: list[dict[str, Any]] = [
        {**arrays, "more": np.zeros(3, np.float32)},
        {name: one for name, one in arrays.items() if name != "1.bias"},
        {**arrays, "1.bias": np.zeros(15, np.float32)},
        {**arrays, "1.bias": np.zeros(16)},
        {**arrays, "1.bias": np.full(16, np.nan, np.float32)},
    ]
    for one in strange:
        save_file(one, file)
        with pytest.raises(ValueError, match="are not those of a network of 6, 16, 16, 3 neurons"):
            new("keras").load(tmp_path)
    save_file(arrays, file)
    with pytest.raises(ValueError, match="does not say how its target was scaled"):
        new("keras").load(tmp_path)
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(Exception, match="header"):
        new("keras").load(tmp_path)


def test_nothing_is_imported_before_the_fit_nor_to_predict() -> None:
    """Jobs are forked from a process that has all of our modules and must have one thread."""
    code = (
        "import sys, recipes.learners.keras_net, recipes.learners.flax_net;"
        "sys.exit(' '.join({'keras', 'tensorflow', 'jax', 'flax'} & sys.modules.keys()) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_machine_without_the_library_predicts_all_the_same(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = new(name)
    made._weights = dense.first_weights(dense.sizes(made._setup), 5)  # as if it had learned
    made.save(tmp_path)
    for library in ("keras", "tensorflow", "jax", "flax"):
        monkeypatch.setitem(sys.modules, library, None)  # importing it fails
    here = new(name)
    here.load(tmp_path)
    assert np.array_equal(here.predict(HELD.matrix), made.predict(HELD.matrix))
    assert ALGORITHMS[name].scoring_library == ""
