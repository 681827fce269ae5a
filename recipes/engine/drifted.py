"""How far data have moved from what a model learned from. Pure: numbers go in, figures come out.

PSI is the population stability index: the sum of (now - before) * ln(now / before) over shares; by
custom 0.1 is a change and 0.25 a large one. In few rows it is large by chance, so that a test has
to agree (KS for numbers, chi-square for the rest) before a column is called drifted.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from scipy import stats

from recipes.engine.metrics import Floats

Json = dict[str, Any]
TENTHS, BINS = 10, 20  # of the index, of the drawing
VALUES, SHOWN = 50, 12  # categories told apart, categories drawn
EXPECTED = 5  # rows of a category, on either side: of fewer chi-square knows nothing
SOME, STRONG = 0.1, 0.25  # of the index
CHANCE = 0.01  # of one false alarm among all columns
ENDS = (0.005, 0.995)  # quantiles between which numbers are drawn
LARGEST = 1e300  # number that is drawn: the room between two of them is a number too
SPARSE = 0.5  # rows that an empty bin counts as
OTHERS = "(other)"


def numbers(before: Floats, now: Floats) -> Json:
    """Two samples of a number, NaN is missing. {} where one of them has no rows."""
    if not len(before) or not len(now):
        return {}
    there = [one[np.isfinite(one)] for one in (before, now)]
    missing = [len(all_) - len(one) for all_, one in zip((before, now), there, strict=True)]
    edges = _tenths(there[0])
    counts = [
        [*np.bincount(np.searchsorted(edges, one), minlength=len(edges) + 1).tolist(), gone]
        for one, gone in zip(there, missing, strict=True)
    ]
    found: Json = {"psi": psi(*counts), "test": "ks", "statistic": None, "p": None}
    if all(map(len, there)):
        statistic, p = _kolmogorov_smirnov(there[0], there[1])
        found |= {"statistic": statistic, "p": p}
    return {
        **_with_gaps(found, missing, [len(before), len(now)]),
        "means": [float(one.mean()) if len(one) else None for one in there],
        "drawn": _histogram(there),
    }


def _kolmogorov_smirnov(before: Floats, now: Floats) -> tuple[float, float]:
    """The statistic and its p for large samples: scipy's own takes a second a column."""
    first, second = np.sort(before), np.sort(now)
    places = np.concatenate([first, second])
    shares = [np.searchsorted(one, places, side="right") / len(one) for one in (first, second)]
    statistic = float(np.abs(shares[0] - shares[1]).max())
    size = np.sqrt(len(first) * len(second) / (len(first) + len(second)))
    return statistic, float(stats.kstwobign.sf(size * statistic))


def _tenths(values: Floats) -> Floats:
    """Ten bins of as many values each, between one below the least and one above the largest."""
    if not len(values):
        return np.empty(0)
    inside = np.quantile(values, np.linspace(0, 1, TENTHS + 1)[1:-1])
    made: Floats = np.unique([np.nextafter(values.min(), -np.inf), *inside, values.max()])
    return made


def _histogram(there: Sequence[Floats]) -> Json:
    together = np.concatenate(list(there))
    if not len(together):
        return {"edges": [], "before": [], "now": []}
    together = np.clip(together, -LARGEST, LARGEST)
    low, high = (float(one) for one in np.quantile(together, ENDS))
    low, high = (low, high) if low < high else (low - 0.5, high + 0.5)
    edges = np.linspace(low, high, BINS + 1)
    shares = [
        (np.histogram(np.clip(one, low, high), edges)[0] / max(1, len(one))).round(6).tolist()
        for one in there
    ]
    return {"edges": edges.tolist(), "before": shares[0], "now": shares[1]}


def categories(before: Iterable[str | None], now: Iterable[str | None]) -> Json:
    """Two samples of a category, None is missing. {} where one of them has no rows."""
    counted = [Counter(before), Counter(now)]
    if not all(counted):
        return {}
    missing = [one.pop(None, 0) for one in counted]
    rows = [one.total() + gone for one, gone in zip(counted, missing, strict=True)]
    both = counted[0] + counted[1]
    names = sorted(map(str, both), key=lambda name: (-both[name], name))[:VALUES]
    told = [[one[name] for name in names] for one in counted]
    rest = [one.total() - sum(each) for one, each in zip(counted, told, strict=True)]
    counts = _pooled(told, rest, missing, rows)
    statistic, p = _chi_square(*counts)
    strange = counted[1].keys() - counted[0].keys()
    return {
        "psi": psi(*counts), "test": "chi2", "statistic": statistic, "p": p,
        "missing": [gone / of for gone, of in zip(missing, rows, strict=True)],
        "new": sorted(str(one) for one in strange)[:SHOWN],
        "drawn": _bars(names, told, rest, rows),
    }  # fmt: skip


def _pooled(
    told: list[list[int]], rest: list[int], missing: list[int], rows: list[int]
) -> list[list[int]]:
    """Counts that can be tested: the most frequent ones, and together in the last column what is
    expected less than EXPECTED times on a side. Two columns there always are: of two the p is
    exact (`_chi_square`). What is kept hangs on both sides alike, so that it favours no alarm."""
    share = min(rows) / sum(rows)
    table = np.array([[*each, gone] for each, gone in zip(told, missing, strict=True)])
    table = table[:, np.argsort(-table.sum(0), kind="stable")]
    kept = max(1, int((table.sum(0) * share >= EXPECTED).sum()))
    while kept > 1 and 0 < (table[:, kept:].sum() + sum(rest)) * share < EXPECTED:
        kept -= 1
    others = table[:, kept:].sum(1) + rest
    made: list[list[int]] = np.column_stack([table[:, :kept], others]).tolist()
    return made


def _bars(names: list[str], told: list[list[int]], rest: list[int], rows: list[int]) -> Json:
    shown = names[:SHOWN]
    sides = zip(told, rest, rows, strict=True)
    made = [
        [one / of for one in (*each[:SHOWN], sum(each[SHOWN:]) + more)] for each, more, of in sides
    ]
    others = any(each[-1] for each in made)
    if not others:
        made = [each[:-1] for each in made]
    return {
        "values": [*shown, *([OTHERS] if others else [])],
        "before": [round(one, 6) for one in made[0]],
        "now": [round(one, 6) for one in made[1]],
    }


def psi(before: Sequence[int], now: Sequence[int]) -> float:
    """Of two rows of counts; what is empty on one side counts as half a row."""
    first, second = (np.asarray(one, np.float64) for one in (before, now))
    used = (first + second) > 0
    shares = []
    for one in (first[used], second[used]):
        filled = np.where(one > 0, one, SPARSE)
        shares.append(filled / filled.sum())
    return float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())


def _chi_square(before: Sequence[int], now: Sequence[int]) -> tuple[float | None, float | None]:
    """The statistic and its p; of two columns with few rows the p is Fisher's."""
    table = np.array([before, now], np.float64)
    table = table[:, table.sum(0) > 0]
    if table.shape[1] < 2:
        return 0.0, 1.0
    found = stats.chi2_contingency(table, correction=False)
    p = float(found.pvalue)
    if table.shape[1] == 2 and found.expected_freq.min() < EXPECTED:
        p = float(stats.fisher_exact(table).pvalue)
    return float(found.statistic), p


def _with_gaps(found: Json, missing: list[int], rows: list[int]) -> Json:
    """A number may also drift by what is missing of it."""
    shares = [gone / of for gone, of in zip(missing, rows, strict=True)]
    if not any(missing):
        return {**found, "missing": shares}
    _, gaps = _chi_square(*([gone, of - gone] for gone, of in zip(missing, rows, strict=True)))
    known = [one for one in (found["p"], gaps) if one is not None]
    return {**found, "p": min(1.0, len(known) * min(known)), "missing": shares}


def ranked(columns: Sequence[Json]) -> list[Json]:
    """The columns with their `strength` (none, some, strong), the one that moved most first."""
    tests = max(1, len(columns))
    told = [{**one, "strength": _strength(one["psi"], one["p"], tests)} for one in columns]
    order = {"strong": 0, "some": 1, "none": 2}
    return sorted(told, key=lambda one: (order[one["strength"]], -one["psi"], one["name"]))


def _strength(index: float, p: float | None, tests: int) -> str:
    if p is None or p * tests >= CHANCE or index < SOME:
        return "none"
    return "strong" if index >= STRONG else "some"


def apart(before: Floats, now: Floats, make: Any) -> Json | None:
    """How well a small model (`make()`) tells rows of before from rows of now, judged by folds.

    `auc` 0.5: not at all. `chance` is the AUC that equal data reach once in a hundred times; `told`
    whether this one is beyond it. None where there are too few rows.
    """
    folds = 3
    if min(len(before), len(now)) < 10 * folds:
        return None
    rows, side = np.concatenate([before, now]), np.repeat([0, 1], [len(before), len(now)])
    fold = np.random.default_rng(0).permutation(len(rows)) % folds
    score = np.empty(len(rows))
    for one in range(folds):
        learned = make().fit(rows[fold != one], side[fold != one])
        score[fold == one] = learned.predict_proba(rows[fold == one])[:, 1]
    ranks = stats.rankdata(score)[side == 1].sum()
    n, m = len(now), len(before)
    auc = float((ranks - n * (n + 1) / 2) / (n * m))
    chance = 0.5 + 2.33 * float(np.sqrt((n + m + 1) / (12 * n * m)))
    auc = max(0.5, auc)  # rows that stand twice lie in two folds: it is fooled into the opposite
    return {"auc": round(auc, 4), "chance": round(chance, 4), "told": auc > chance}
