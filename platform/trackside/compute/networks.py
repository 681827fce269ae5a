"""Which machines give the ranks of a job a network of their own, as their agents have told.

For ranks that listen on all addresses without a password: nobody else reaches them there.
"""

from collections.abc import Iterable
from typing import Any

from trackside.compute.models import Gpu, Node

SEVERAL = "over several machines its ranks listen on all addresses of theirs, without a password"
OLD = "its agent is that of an earlier Trackside"
UNKNOWN = "its agent has not told yet"
_TOLD = ("pk", "name", "catalogue__versions", "catalogue__why_no_own_network")


def lacking() -> set[int]:
    """The nodes that do not; also one that has not told yet: what is not known is not left open."""
    return {pk for pk, _, why in _whys() if why}


def refusal(compute: dict[str, Any]) -> str:
    """Why several ranks cannot have one for themselves where this wish goes; "" where they may.

    One that has not told yet may: the job waits for its word.
    """
    if compute.get("kind") == "gpus":
        chosen = [one for one in compute.get("uuids") or () if isinstance(one, str)]
        nodes = set(Gpu.objects.filter(pk__in=chosen).values_list("node_id", flat=True))
        return SEVERAL if len(nodes) > 1 else _none_of(one for one in _whys() if one[0] in nodes)
    if compute.get("kind") == "any":
        if compute.get("nodes") not in (None, 1):
            return SEVERAL
        nodes = set(Gpu.objects.filter(present=True).values_list("node_id", flat=True))
        return _none_of(one for one in _whys() if one[0] in nodes)
    return _none_of(_whys())


def _whys() -> list[tuple[int, str, str]]:
    """Of each node why not; "" where it does."""
    return [
        (pk, name, (UNKNOWN if versions is None else OLD) if why is None else why)
        for pk, name, versions, why in Node.objects.order_by("name").values_list(*_TOLD)
    ]


def _none_of(nodes: Iterable[tuple[int, str, str]]) -> str:
    """Of these, what the first one says; "" where any may, or there is none."""
    found = list(nodes)
    if not found or any(why in ("", UNKNOWN) for _, _, why in found):
        return ""
    _, name, why = found[0]
    return f"several ranks would listen on all addresses: {name} gives them no own network ({why})"
