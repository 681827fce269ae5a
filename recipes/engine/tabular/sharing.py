"""One table, scored by several ranks: as one rank would score it, to the last bit of a prediction.

Each rank reads the model's inputs of its pieces alone. Rank 0 reads the whole table once more, with
a thread of its own, and puts beside it what all of them made.
"""

import shutil
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from recipes.data.table import opened
from recipes.engine.peers import Peers
from recipes.engine.tabular.model import Model
from recipes.engine.tabular.pieces import Pieces
from recipes.engine.tabular.stream import Block, Predict, Stream, Stretch, ahead, blocks, through


@dataclass(frozen=True, kw_only=True)
class Share:
    """What each rank knows. `columns` makes of a block what stands beside its rows."""

    model: Model
    dataset: Path
    predict: Predict
    columns: Callable[[Block], pa.Table]
    rows: int  # of a piece
    threads: int

    def alone(self) -> Stream[tuple[pa.Table, pa.Table]]:
        """The table's blocks in their order, and what stands beside each."""
        read = through(self.model, self._blocks(), self.threads, self.predict)
        with closing(read):
            for block in read:
                yield block.table, self.columns(block)

    def work(self, pieces: Pieces) -> None:
        """Make pieces until none is left."""
        begun: deque[tuple[int, int]] = deque()
        made: list[pa.Table] = []
        inputs = self._inputs(pieces, begun)
        with closing(through(self.model, inputs, self.threads, self.predict)) as stream:
            for block in stream:
                made.append(self.columns(block))
                number, rows = begun[0]
                if sum(map(len, made)) == rows:
                    pieces.give(number, pa.concat_tables(made))
                    begun.popleft()
                    made = []

    def _inputs(self, pieces: Pieces, begun: deque[tuple[int, int]]) -> Iterator[pa.Table]:
        """The inputs of this rank's pieces; `begun` gets the number and the rows of each."""
        file = opened(self.dataset)
        names = [one.name for one in self.model.encoder.columns]
        for number in pieces.mine():
            start = number * self.rows
            stop = min(start + self.rows, file.metadata.num_rows)
            begun.append((number, stop - start))
            yield from blocks(file, self.rows, of=Stretch(start, stop, names))

    def all(self, pieces: Pieces) -> Stream[tuple[pa.Table, pa.Table]]:
        """The same on rank 0 of several: it makes pieces too, and takes those of all ranks."""
        with ThreadPoolExecutor(1) as thread:
            worker = thread.submit(self.work, pieces)
            try:
                made, piece, at = pieces.taken(worker), pa.table({}), 0
                with closing(ahead(self._blocks())) as tables:
                    for table in tables:  # none reaches beyond its piece
                        if at == len(piece):
                            piece, at = next(made), 0
                        yield table, piece.slice(at, len(table))
                        at += len(table)
            finally:
                pieces.close()
            worker.result()

    def _blocks(self) -> Stream[pa.Table]:
        return blocks(opened(self.dataset), self.rows)


def meet(folder: Path, peers: Peers, rows: int, each: int) -> Pieces | None:
    """The pieces of so many rows, `each` in one, once all ranks are there; None for one alone."""
    if peers.world == 1:
        return None
    pieces = Pieces(folder / "pieces", peers.world, -(-rows // each))
    if peers.rank == 0:
        shutil.rmtree(folder / "pieces", ignore_errors=True)
        pieces.prepare()
    peers.barrier()
    return pieces
