"""For each row the columns that moved its prediction most, as a text of JSON."""

import json

import numpy as np
import pyarrow as pa

from recipes.engine.metrics import Floats
from recipes.engine.tabular.contributions import of_matrix
from recipes.engine.tabular.model import Model
from recipes.engine.tabular.stream import Block


def explanations(model: Model, block: Block, most: int) -> pa.Array:
    """A text for each predicted row: {column: contribution}, the strongest first.

    In the unit of `contributions.scale`; of several classes those to the likeliest one.
    """
    if not len(block.there):
        return pa.array([], pa.string())
    found = of_matrix(model, block.matrix)
    values = found.values
    if values.ndim == 3:
        values = values[np.arange(len(values)), block.given.argmax(1)]
    return pa.array(_texts(found.names, values, most), pa.string())


def _texts(names: list[str], values: Floats, most: int) -> list[str]:
    order = np.argsort(-np.abs(values), axis=1, kind="stable")[:, :most]
    strongest = np.take_along_axis(values, order, 1)
    return [
        json.dumps(
            {names[place]: float(f"{value:.6g}") for place, value in zip(row, told, strict=True)},
            ensure_ascii=False,
        )
        for row, told in zip(order.tolist(), strongest.tolist(), strict=True)
    ]
