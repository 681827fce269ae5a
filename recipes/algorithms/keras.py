"""Keras 3 on PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recipes.algorithms import dense, families
from recipes.algorithms.algorithm import Algorithm

if TYPE_CHECKING:
    from recipes.learners.learner import Learner, Setup


def learner(setup: Setup) -> Learner:
    from recipes.learners.keras_net import on_torch

    return on_torch(setup)


ALGORITHM = Algorithm(
    name="keras",
    label="Keras",
    help="A dense neural network by Keras, on PyTorch: AdamW, dropout, early stopping.",
    family=families.NETWORKS,
    unit="epoch",
    tasks=dense.TASKS,
    params=dense.PARAMS,
    translate=dense.translate,
    learner=learner,
    library="keras",
    predicts_alone=True,
    scales=True,
    goes_on=dense.GOES_ON,
    on_gpu=True,
    predicts_on_gpu=False,
)
