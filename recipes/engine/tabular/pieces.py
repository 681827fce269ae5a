"""The pieces of a table that several ranks score: each takes the next one that nobody has.

What a piece became waits in a file for rank 0, which alone writes the result, in the table's order.
All ranks see the folder; a few pieces a rank wait there at most.
"""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pyarrow as pa

LOOK = 0.01  # seconds between two looks at what the others did
WAITING = 4  # pieces a rank that wait for rank 0: then nobody begins another


class Pieces:
    """`count` pieces, numbered from 0. The folder is new: rank 0 makes it before the others come.

    Each rank has one thread that works and, on rank 0, one that writes.
    """

    def __init__(self, folder: Path, world: int, count: int) -> None:
        self.count = count
        self._begun, self._made = folder / "begun", folder / "made"
        self._most = WAITING * world
        self._over = threading.Event()

    def prepare(self) -> None:
        self._begun.mkdir(parents=True)
        self._made.mkdir()

    def mine(self) -> Iterator[int]:
        """Pieces that this rank is to make, one after the other, until none is left."""
        for number in range(self.count):
            mark = self._begun / str(number)
            if mark.exists():
                continue
            # Who waits has begun nothing, so that the piece that rank 0 needs next is on its way.
            while len(list(self._made.iterdir())) >= self._most and not self._over.wait(LOOK):
                pass
            if self._over.is_set():
                return
            try:
                mark.open("x").close()
            except FileExistsError:
                continue
            yield number

    def give(self, number: int, made: pa.Table) -> None:
        """A piece is made: it is there whole or not at all."""
        draft = self._begun / f"{number}.arrow"
        with pa.OSFile(str(draft), "wb") as out, pa.ipc.new_file(out, made.schema) as writer:
            writer.write_table(made)
        draft.rename(self._path(number))

    def taken(self, worker: "Future[Any]") -> Iterator[pa.Table]:
        """All pieces in their order. Raises what `worker`, which makes some of them, raised."""
        for number in range(self.count):
            path = self._path(number)
            while not path.exists():
                if worker.done():
                    worker.result()
                time.sleep(LOOK)
            with pa.OSFile(str(path)) as file:
                made = pa.ipc.open_file(file).read_all()
            path.unlink()
            yield made

    def close(self) -> None:
        """Nobody takes any more of them: whoever waits for that on this rank ends."""
        self._over.set()

    def _path(self, number: int) -> Path:
        return self._made / str(number)
