"""Keras 3 on TensorFlow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recipes.algorithms import dense, families
from recipes.algorithms.algorithm import Algorithm

if TYPE_CHECKING:
    from recipes.learners.learner import Learner, Setup


def learner(setup: Setup) -> Learner:
    from recipes.learners.keras_net import on_tensorflow

    return on_tensorflow(setup)


ALGORITHM = Algorithm(
    name="tensorflow",
    label="TensorFlow",
    help="A dense neural network by Keras, on TensorFlow. On the CPU alone: TensorFlow's GPU build "
    "and PyTorch's cannot be installed together. For a GPU choose Keras, the same network.",
    family=families.NETWORKS,
    unit="epoch",
    tasks=dense.TASKS,
    params=dense.PARAMS,
    translate=dense.translate,
    learner=learner,
    no_gpu="TensorFlow's build for GPUs cannot stand beside PyTorch; Keras is the same network",
    library="tensorflow",
    predicts_alone=True,
    scales=True,
    goes_on=dense.GOES_ON,
)
