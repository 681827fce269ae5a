"""How near GPUs of one machine are to each other. Pure.

`links` is the matrix that NVML tells: NV18 (so many NVLinks), PIX, PXB, PHB, NODE, SYS (through
more and more of the machine).
"""

from collections.abc import Iterator, Sequence
from itertools import combinations

from trackside.compute.placement.words import Device, Links

NEAR = {"PIX": 50, "PXB": 40, "PHB": 30, "NODE": 20, "SYS": 10}
NVLINK = 100
MOST_WAYS = 5000  # combinations looked at; beyond, neighbours are added one by one


def value(links: Links, one: str, other: str) -> int:
    """How good the way between two GPUs is; 0 when it is not known."""
    word = links.get(one, {}).get(other, "")
    if word.startswith("NV") and word[2:].isdigit():
        return NVLINK + int(word[2:])
    return NEAR.get(word, 0)


def nearest(free: Sequence[Device], count: int, links: Links) -> list[Device]:
    """`count` of the free ones that reach each other best, and leave the others together."""
    if not links or count >= len(free):
        return list(free[:count])
    pairs = {
        (a.uuid, b.uuid): value(links, a.uuid, b.uuid) for a in free for b in free if a is not b
    }
    if len(set(pairs.values())) < 2:
        return list(free[:count])
    ways = _all_ways(free, count) or _grown(free, count, pairs)
    return list(max(ways, key=lambda way: (*_worth(way, pairs), *_rest(way, free, pairs))))


def weakest(group: Sequence[Device], links: Links) -> int:
    """The worst way between any two of them; of one alone, the best there is."""
    if len(group) < 2:
        return NVLINK
    return min(value(links, a.uuid, b.uuid) for a, b in combinations(group, 2))


def _worth(way: Sequence[Device], pairs: dict[tuple[str, str], int]) -> tuple[int, int]:
    values = [pairs[a.uuid, b.uuid] for a, b in combinations(way, 2)]
    return (min(values, default=0), sum(values))


def _rest(
    way: Sequence[Device], free: Sequence[Device], pairs: dict[tuple[str, str], int]
) -> tuple[int, ...]:
    """What remains: better connected is better; then the lowest numbers are given first."""
    rest = [gpu for gpu in free if gpu not in way]
    total = sum(pairs[a.uuid, b.uuid] for a, b in combinations(rest, 2))
    return (total, *(-gpu.index for gpu in way))


def _all_ways(free: Sequence[Device], count: int) -> list[tuple[Device, ...]]:
    ways = 1
    for n in range(count):
        ways = ways * (len(free) - n) // (n + 1)
    return list(combinations(free, count)) if ways <= MOST_WAYS else []


def _grown(
    free: Sequence[Device], count: int, pairs: dict[tuple[str, str], int]
) -> Iterator[tuple[Device, ...]]:
    """From each GPU on, always the one that is nearest to those already in."""
    for first in free:
        way = [first]
        while len(way) < count:
            others = [gpu for gpu in free if gpu not in way]
            way.append(
                max(others, key=lambda gpu: (sum(pairs[gpu.uuid, a.uuid] for a in way), -gpu.index))
            )
        yield tuple(sorted(way, key=lambda gpu: gpu.index))
