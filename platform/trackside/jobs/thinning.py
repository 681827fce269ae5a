"""Which of many numbers a chart still needs: pure, for `history` and `series`.

The numbers are put into equal stretches of the story (event numbers, so that a pause takes no
room), and each stretch keeps its lowest, its highest and its first missing one. Thinned again and
again while a job goes on, a story keeps its peaks and one resolution from its first day to its
last.
"""

from collections.abc import Iterable, Sequence

A_STRETCH = 3  # the most that one keeps


def kept(seqs: Sequence[int], values: Sequence[float | None], most: int) -> set[int]:
    """Places of the rows to keep, at most `most`; the first and the last are among them.

    `seqs` rise. All of them are kept when they are few enough.
    """
    if len(seqs) <= most:
        return set(range(len(seqs)))
    stretches = max(1, (most - 2) // A_STRETCH)
    wide = (seqs[-1] - seqs[0]) // stretches + 1
    found = {0, len(seqs) - 1}
    for rows in _stretches(seqs, wide):
        found |= _extremes(rows, values)
    return found


def _stretches(seqs: Sequence[int], wide: int) -> Iterable[range]:
    start = 0
    for place in range(1, len(seqs) + 1):
        over = place == len(seqs)
        if over or (seqs[place] - seqs[0]) // wide != (seqs[start] - seqs[0]) // wide:
            yield range(start, place)
            start = place


def _extremes(rows: range, values: Sequence[float | None]) -> set[int]:
    numbers = [(value, place) for place in rows if (value := values[place]) is not None]
    missing = [place for place in rows if values[place] is None][:1]
    return {*missing, *([min(numbers)[1], max(numbers)[1]] if numbers else ())}
