"""Flax (nnx) and Optax on JAX."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recipes.algorithms import dense, families
from recipes.algorithms.algorithm import Algorithm

if TYPE_CHECKING:
    from recipes.learners.learner import Learner, Setup


def learner(setup: Setup) -> Learner:
    from recipes.learners.flax_net import build

    return build(setup)


ALGORITHM = Algorithm(
    name="jax",
    label="Flax on JAX",
    help="A dense neural network by Flax and Optax, compiled by JAX. On the CPU.",
    family=families.NETWORKS,
    unit="epoch",
    tasks=dense.TASKS,
    params=dense.PARAMS,
    translate=dense.translate,
    learner=learner,
    no_gpu="JAX's build for GPUs is not offered yet",
    library="jax",
    predicts_alone=True,
    scales=True,
    goes_on=dense.GOES_ON,
)
