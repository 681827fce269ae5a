"""A fair sample of rows that pass by in blocks, in bounded memory."""

import numpy as np
import pyarrow as pa

from recipes.engine.metrics import Floats


class FairSample:
    """Each row that passed has the same chance to be among the `most` that are kept."""

    def __init__(self, most: int, seed: int = 0) -> None:
        self.passed = 0
        self._most = most
        self._rng = np.random.default_rng(seed)
        self._blocks: list[pa.Table] = []
        self._keys: Floats = np.empty(0)

    @property
    def kept(self) -> int:
        return min(self.passed, self._most)

    def take(self, block: pa.Table) -> None:
        if not len(block):
            return
        self.passed += len(block)
        self._blocks.append(block)
        self._keys = np.append(self._keys, self._rng.random(len(block)))
        if len(self._keys) > 2 * self._most:
            self._thin()

    def table(self) -> pa.Table | None:
        """The rows kept, in their order; None where none passed."""
        self._thin()
        return pa.concat_tables(self._blocks) if self._blocks else None

    def _thin(self) -> None:
        if len(self._keys) <= self._most:
            return
        kept = np.sort(np.argpartition(self._keys, self._most)[: self._most])
        # Copied, so that no block is held for the sake of a few of its rows.
        self._blocks = [pa.concat_tables(self._blocks).take(pa.array(kept)).combine_chunks()]
        self._keys = self._keys[kept]
