"""Predictions over many pictures, shared by the ranks.

Batches are cut by place, not by rank, so that each picture is computed in the same company for any
number of ranks and the results are equal.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from recipes import pulse
from recipes.engine.peers import Peers, autocast
from recipes.engine.sources import Places, Source, ahead

BATCH = 64


def batches(count: int, peers: Peers, size: int = BATCH) -> Iterator[tuple[int, Places]]:
    """This rank's batches of the places 0 to count: the number of each and its places."""
    for number in range(peers.rank, -(-count // size), peers.world):
        yield number, np.arange(number * size, min(count, (number + 1) * size))


def outputs(
    net: nn.Module,
    source: Source,
    peers: Peers,
    precision: str,
    *,
    seen: Callable[[int], None] = lambda done: None,
    between: Callable[[], None] = lambda: None,
) -> Tensor:
    """What the net gives for every picture of the source, float32, on every rank, in order.

    `between` is called after each batch, equally often on all ranks; it may raise.
    """
    mine: dict[int, Tensor] = {}
    places = list(batches(len(source.labels), peers))
    loads = (partial(source.load, chosen, None) for _, chosen in places)
    was = net.training
    net.eval()
    with torch.inference_mode():
        for (number, chosen), loaded in zip(
            places, ahead(loads, threads=peers.readers, depth=4), strict=True
        ):
            with autocast(peers.device, precision):
                given = net(source.prepare(loaded, None))
            mine[number] = given.float().cpu()
            pulse.beat()
            seen(len(chosen))
            between()
    if len(places) * BATCH * peers.world < len(source.labels):  # other ranks had one more
        between()
    net.train(was)
    everyone: dict[int, Tensor] = {}
    for part in peers.gather({number: one.numpy() for number, one in mine.items()}):
        everyone.update({number: torch.from_numpy(one) for number, one in part.items()})
    return torch.cat([everyone[number] for number in sorted(everyone)])


def probabilities(logits: Tensor) -> Any:
    """Softmax in double precision, as numpy."""
    return logits.double().softmax(1).numpy()
