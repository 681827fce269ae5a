"""The board as the GPUs page lays it out: nodes, their cards, slices under their card, links."""

from collections.abc import Iterable
from typing import Any

from trackside.compute.models import NodeState
from trackside.ui import gpu_words

Board = dict[str, Any]
NO_DEVICE = "no_device"  # workers/causes.py: a machine that has no GPU at all
# How two cards are connected, quickest first, and what it is called under the matrix.
WAYS = {
    "NV": "NVLink, and how many of them",
    "PIX": "one PCIe bridge",
    "PXB": "several PCIe bridges",
    "PHB": "the CPU's PCIe host bridge",
    "NODE": "host bridges of one NUMA node",
    "SYS": "from CPU to CPU",
}


def machines(board: Board) -> list[dict[str, Any]]:
    """By name; those that have no GPU stand last, but not those that cannot use theirs."""

    def none(node: dict[str, Any]) -> bool:
        why = (node["why_no_gpu"] or {}).get("code", NO_DEVICE)
        return not node["gpus"] and why == NO_DEVICE

    return [_machine(node) for node in sorted(board["nodes"], key=none)]


def _machine(node: dict[str, Any]) -> dict[str, Any]:
    cards = [gpu for gpu in node["gpus"] if not gpu["parent"]]
    matrix = _matrix(node, cards)
    return {
        **node,
        "state_label": NodeState(node["state"]).label,
        "cards": cards,
        "cut": _cut(node),
        "matrix": matrix,
        "ways": [text for key, text in WAYS.items() if _used(key, matrix)],
    }


def _cut(node: dict[str, Any]) -> list[dict[str, Any]]:
    """The cards that were cut with MIG, each with its slices."""
    found: dict[str, dict[str, Any]] = {}
    for gpu in node["gpus"]:
        if gpu["parent"]:
            card = found.setdefault(gpu["parent"], {"index": gpu["index"], "slices": []})
            card["slices"].append(gpu)
    for card in found.values():
        card["name"] = gpu_words.short(card["slices"][0]["name"]).partition(" MIG ")[0]
    return list(found.values())


def _matrix(node: dict[str, Any], cards: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row a card; empty when there is no pair or nothing is known of any."""
    links = node["links"]
    known = [card for card in cards if links.get(card["uuid"])]
    if len(known) < 2:
        return []
    return [
        {
            "index": one["index"],
            "numa": node["numa"].get(one["uuid"]),
            "ways": [links[one["uuid"]].get(other["uuid"], "") for other in known],
        }
        for one in known
    ]


def _used(key: str, matrix: list[dict[str, Any]]) -> bool:
    return any(way.startswith(key) for row in matrix for way in row["ways"])


def summary(board: Board) -> dict[str, Any]:
    """What a draining node has free is not free for anybody."""
    taking = _free(node for node in board["nodes"] if node["state"] == NodeState.ONLINE)
    return {
        "names": names(board),
        "counts": {
            "all": sum(len(node["gpus"]) for node in board["nodes"]),
            "cut": any(gpu["parent"] for node in board["nodes"] for gpu in node["gpus"]),
            "free": taking,
            "closed": _free(board["nodes"]) - taking,
            "nodes": len(board["nodes"]),
        },
    }


def _free(nodes: Iterable[dict[str, Any]]) -> int:
    return sum(gpu["state"] == "free" for node in nodes for gpu in node["gpus"])


def names(board: Board) -> str:
    """What the page's layout follows from; js/pages/fleet.js makes the same of a live board."""
    parts = [
        f"{node['name']}/{node['state']}/{node['drain_note']}/{int(node['warm'])}/"
        f"{int(bool(node['why_no_gpu']))}/"
        + "+".join(f"{gpu['uuid']}:{int(gpu['broken'])}" for gpu in node["gpus"])
        for node in board["nodes"]
    ]
    return ",".join(parts)
