"""Dense networks that Flax (nnx) and Optax learn on JAX.

They are imported in the fit alone: JAX must not be forked, and jobs are.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from recipes.learners.dense import Batch, Dense, Teacher, Weights, sizes
from recipes.learners.learner import Learner, Setup, WrongDevice


def build(setup: Setup) -> Learner:
    return Dense(setup, _begun)


@contextmanager
def _begun(setup: Setup, weights: Weights) -> Iterator[Teacher]:
    os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"  # others may share the GPU
    os.environ["PJRT_NPROC"] = str(setup.threads)  # read when JAX first computes
    jax = import_module("jax")
    with jax.default_device(_device(jax, setup.device)):
        yield Taught(setup, weights)


def _device(jax: Any, name: str) -> Any:
    """JAX would go over to the CPU without a word, and look for GPUs for a job of the CPU."""
    jax.config.update("jax_platforms", name)
    try:
        return jax.devices(name)[0]
    except (RuntimeError, AssertionError) as none:  # the second one has no message
        raise WrongDevice(
            f"The job is to train on {name} and JAX finds none on this node. Look at its driver "
            "and at docs/extras.md, or choose the CPU."
        ) from none


class Taught:
    """An nnx network in training."""

    def __init__(self, setup: Setup, weights: Weights) -> None:
        nnx, params = import_module("flax.nnx"), setup.params
        rngs, layers = nnx.Rngs(setup.seed % 2**31), sizes(setup)
        made = []
        for place in range(0, len(weights), 2):
            before, after = weights[place].shape
            drawn = {"kernel_init": _as(weights[place]), "bias_init": _as(weights[place + 1])}
            made.append(nnx.Linear(before, after, rngs=rngs, **drawn))
            if place < 2 * (len(layers) - 2):
                made.append(getattr(nnx, params["activation"]))
                made.append(nnx.Dropout(params["dropout"], rngs=rngs))
        self.net = nnx.Sequential(*made)
        adam = _adam(params["learning_rate"], params["weight_decay"])
        optimizer = nnx.Optimizer(self.net, adam, wrt=nnx.Param)
        self._step = nnx.cached_partial(_step(setup.classes > 0), self.net, optimizer)
        self._linear = [one for one in made if isinstance(one, nnx.Linear)]

    def step(self, batch: Batch) -> Any:
        return self._step(*batch)

    def weights(self) -> Weights:
        return [np.array(one[...]) for layer in self._linear for one in (layer.kernel, layer.bias)]

    def device(self) -> str:
        (where,) = {one for layer in self._linear for one in layer.kernel[...].devices()}
        return "cpu" if where.platform == "cpu" else f"cuda:{where.id}"


def _as(values: Any) -> Any:
    """Flax asks a function for a layer's first weights."""
    return lambda key, shape, dtype, **_: import_module("jax").numpy.asarray(values, dtype)


@cache
def _adam(rate: float, decay: float) -> Any:
    """The same one for the same figures: a step is compiled once for each."""
    jax, optax = import_module("jax"), import_module("optax")

    def kernels(weights: Any) -> Any:
        return jax.tree.map(lambda one: one.ndim > 1, weights)

    return optax.adamw(rate, weight_decay=decay, mask=kernels)


@cache
def _step(classes: bool) -> Any:
    nnx, optax = import_module("flax.nnx"), import_module("optax")

    def loss(net: Any, rows: Any, target: Any, weight: Any) -> Any:
        given = net(rows)
        if classes:
            each = optax.softmax_cross_entropy_with_integer_labels(given, target)
        else:
            each = optax.squared_error(given, target)[:, 0]
        return (each * weight).mean()

    def step(net: Any, optimizer: Any, rows: Any, target: Any, weight: Any) -> Any:
        value, slopes = nnx.value_and_grad(loss)(net, rows, target, weight)
        optimizer.update(net, slopes)
        return value

    return nnx.jit(step)
