"""Dense networks that Keras 3 learns, on PyTorch or on TensorFlow.

It is imported in the fit alone: the process that jobs are forked from must not have its threads.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from recipes.learners.dense import Batch, Dense, Teacher, Weights, sizes
from recipes.learners.learner import Learner, Setup
from recipes.learners.threads import torch_threads

QUIET = {  # its C++ writes to the job's log; and the order of oneDNN's sums depends on the CPU
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
}


def on_torch(setup: Setup) -> Learner:
    return Dense(setup, partial(_begun, "torch"))


def on_tensorflow(setup: Setup) -> Learner:
    return Dense(setup, partial(_begun, "tensorflow"))


@contextmanager
def _begun(backend: str, setup: Setup, weights: Weights) -> Iterator[Teacher]:
    os.environ.update(QUIET)  # PyTorch's Keras may import TensorFlow too, where it is there
    threads = torch_threads if backend == "torch" else _tensorflow_threads
    with threads(setup.threads):
        keras = loaded(backend)
        with keras.device(setup.device if backend == "torch" else "cpu:0"):
            yield Taught(keras, setup, weights)


def loaded(backend: str) -> Any:
    """Keras, which knows one backend a process: with another one it is imported anew.

    No object of it lives longer than a fit. What stands in the user's own keras.json is not read.
    """
    there = sys.modules.get("keras")
    if there is not None and there.backend.backend() != backend:
        for name in [one for one in sys.modules if one.partition(".")[0] == "keras"]:
            del sys.modules[name]
    with TemporaryDirectory() as nowhere:
        os.environ.update(KERAS_BACKEND=backend, KERAS_HOME=nowhere)
        return import_module("keras")


@contextmanager
def _tensorflow_threads(count: int) -> Iterator[None]:
    settings = import_module("tensorflow").config.threading
    with suppress(RuntimeError):  # it has computed: a process keeps those of its first fit
        settings.set_intra_op_parallelism_threads(count)
        settings.set_inter_op_parallelism_threads(count)
    yield


class Taught:
    """A Keras model in training."""

    def __init__(self, keras: Any, setup: Setup, weights: Weights) -> None:
        params, layers = setup.params, keras.layers
        columns, *hidden, outputs = sizes(setup)
        made = [layers.Input((columns,))]
        for place, width in enumerate(hidden):
            made.append(layers.Dense(width, activation=params["activation"]))
            made.append(layers.Dropout(params["dropout"], seed=(setup.seed + place) % 2**31))
        self.net = keras.Sequential([*made, layers.Dense(outputs)])
        self.net.set_weights(weights)
        adam = keras.optimizers.AdamW(params["learning_rate"], params["weight_decay"])
        adam.exclude_from_weight_decay(var_names=["bias"])
        classes = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        loss = classes if setup.classes else keras.losses.MeanSquaredError()
        self.net.compile(adam, loss)

    def step(self, batch: Batch) -> Any:
        self.net.reset_metrics()  # else it tells the mean of all steps
        return self.net.train_on_batch(batch.rows, batch.target, sample_weight=batch.weight)

    def weights(self) -> Weights:
        return [_array(one.value) for one in self.net.weights]

    def device(self) -> str:
        """TensorFlow says /job:localhost/replica:0/task:0/device:CPU:0."""
        (where,) = {str(one.value.device) for one in self.net.weights}
        found = where.rpartition("device:")[2].lower().replace("gpu", "cuda")
        return "cpu" if found.startswith("cpu") else found


def _array(tensor: Any) -> Any:
    """A copy, in a way that NumPy does not warn of."""
    here = tensor.detach().cpu() if hasattr(tensor, "detach") else tensor
    return np.array(here.numpy())
