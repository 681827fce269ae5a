"""What XGBoost takes of a GPU's memory while it learns a table: light, so that the web foresees it.

By the sources of XGBoost 3.2. All in it, a matrix comes as the bins that the CPU has made, up to
four bytes a number, and is packed there. In pages it is packed part by part, and what has no place
on the GPU lies in the node's memory, from where each level of a tree reads it.
"""

from typing import NamedTuple

ROW = 40  # bytes of a row: target, weight, its gradient for one tree, its place in that tree, twice
MARGIN = 24  # and of each value that it is predicted: sum, gradient, what is judged
COPIED = 4  # bytes of a number, as it comes from the CPU
BIN = 16  # bytes of a bin in the histogram of a node
DEEPEST = 10  # levels of which all nodes are thought to be there
LIKELY = 128  # nodes: that a deep tree has more may be
# Bytes of a row and of each value that it is predicted, of those above, that no table does without.
SURE_ROW, SURE_MARGIN = 8, 12
SPARE = 0.9  # of the free memory
# Of what rows and histograms leave, in pages:
LEAST = 0.25  # of all that is free: below it there is no room to move pages
PAGE = 1 / 16  # of which four are there: two of the training rows, two of those that judge
KEPT = 0.4  # pages that stay there
BATCH = 1 / 8  # the numbers that come at once
LARGEST = 64_000_000  # of these numbers, at most
SORTED = 32  # bytes of a number while it comes: itself, joined to others, sorted with its weight


class Need(NamedTuple):
    """What is learned: of the columns some have many values, and marks are a 1 or a 0."""

    rows: int
    numbers: int
    marks: int
    bins: int
    margins: int
    nodes: int
    copied: bool

    @property
    def columns(self) -> int:
        return self.numbers + self.marks

    @property
    def fixed(self) -> int:
        """Bytes that are needed in pages too."""
        return self.rows * self._row + self._trees(self.nodes)

    @property
    def packed(self) -> int:
        """Bytes of all rows as XGBoost keeps them, at most: a number of a table where not all rows
        have a gap takes fewer bits."""
        return -(-self.rows * self.columns * self._cuts.bit_length() // 8)

    @property
    def least(self) -> int:
        """Bytes that it takes with all of it there, at least, where numbers have many values."""
        return int(self.rows * (self._row + self._shortest)) + self._trees(LIKELY)

    @property
    def sure(self) -> int:
        """Bytes below which it cannot learn with all of it there, whatever the numbers are: they
        may have two values each, and the trees two leaves."""
        row = SURE_ROW + SURE_MARGIN * self.margins
        return self.rows * row + self.rows * self.columns // 8

    @property
    def whole(self) -> int:
        """Bytes with all of it there, at most."""
        return self.fixed + self.packed + self.copied * COPIED * self.rows * self.columns

    def fits(self, free: int) -> bool:
        return self.whole <= SPARE * free

    def paged(self, free: int) -> bool:
        """Whether enough is left for pages."""
        return SPARE * free - self.fixed >= LEAST * free

    def left(self, free: int) -> int:
        """Bytes for pages: where trees are smaller than they may be, enough."""
        return max(int(SPARE * free) - self.fixed, int(LEAST * free))

    def in_pages(self) -> int:
        """Bytes that are free where it is."""
        return int(self.fixed / (SPARE - LEAST))

    def most(self, free: int, *, paged: bool) -> int:
        """How many rows fit, a little to spare."""
        share, trees = (SPARE - LEAST, self.nodes) if paged else (SPARE, LIKELY)
        room = share * free - self._trees(trees)
        return max(0, int(room / (self._row if paged else self._row + self._shortest)))

    @property
    def _row(self) -> int:
        return ROW + MARGIN * self.margins

    @property
    def _shortest(self) -> float:
        """Bytes of a row's numbers, as few as can be."""
        return self.columns * self.bins.bit_length() / 8

    @property
    def _cuts(self) -> int:
        return self.numbers * self.bins + 2 * self.marks

    def _trees(self, nodes: int) -> int:
        return BIN * self._cuts * min(nodes, self.nodes, 2 * self.rows)


def at_once(room: int, columns: int) -> int:
    """How many rows come to a GPU at once that has so many bytes for pages."""
    numbers = min(LARGEST, int(room * BATCH) // SORTED)
    return max(1, numbers // max(1, columns))


def nodes(depth: int, leaves: int) -> int:
    """How many nodes of a tree have a histogram, by its limits; 0 is none."""
    deep: int = 2 ** (min(depth or DEEPEST, DEEPEST) + 1)
    return min(deep, 2 * leaves) if leaves else deep
