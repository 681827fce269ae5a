"""Which libraries the nodes have, as their agents told when they started, and which extras lack."""

from typing import Any

from recipes.algorithms import ALGORITHMS
from recipes.extras import EXTRAS, called, command
from recipes.scorers import SCORERS
from trackside.compute import networks
from trackside.compute.models import Node

Json = dict[str, Any]
_NAMES = ("versions", "libraries", "gpu_builds", "why_no_own_network")
TOLD = ("name", *(f"catalogue__{one}" for one in _NAMES))
NO_LIBRARY = "cuda"  # among the versions: that of PyTorch's build
# Libraries of which some builds know GPUs and others do not.
BUILT = {one.library for one in ALGORITHMS.values() if one.gpu_build} | {
    one.library for one in SCORERS.values() if one.gpu_build
}
# Of a node whose agent has not told yet.
NOTHING: Json = {"libraries": None, "gpu_builds": [], "lacking": [], "why_no_own_network": None}


def told() -> dict[str, Json]:
    """By node what REST says: `libraries` {name: version}, null before it has told them,
    `gpu_builds` of them, the extras that are `lacking`, and `why_no_own_network`."""
    return {name: _one(*found) for name, *found in Node.objects.values_list(*TOLD)}


def _one(
    versions: Json | None, libraries: Json | None, builds: list[str] | None, network: str | None
) -> Json:
    if libraries is None:
        return NOTHING
    found = {name: one for name, one in (versions or {}).items() if name != NO_LIBRARY}
    return {
        "libraries": found | libraries,
        "gpu_builds": builds or [],
        "lacking": [
            {"name": name, "label": one.label, "install": command(name)}
            for name, one in EXTRAS.items()
            if name not in libraries
        ],
        "why_no_own_network": network,
    }


def shown() -> dict[str, Json]:
    """By node, of those that have told, what the GPUs page says."""
    return {
        name: {**_lines(one), "network": networks.in_words(name, one["why_no_own_network"])}
        for name, one in told().items()
        if one["libraries"] is not None
    }


def _lines(one: Json) -> Json:
    """`has` with label, version and build of each, the extras last; how many of these there are."""
    names = sorted(one["libraries"], key=lambda name: (name in EXTRAS, called(name).lower()))
    has = [
        {
            "label": called(name),
            "version": one["libraries"][name],
            "build": _build(name, one["gpu_builds"]),
        }
        for name in names
    ]
    here = len(EXTRAS) - len(one["lacking"])
    return {"has": has, "lacking": one["lacking"], "extras": here, "of": len(EXTRAS)}


def _build(name: str, builds: list[str]) -> str:
    """What the library was built for, where that is not the same of all its builds."""
    if name not in BUILT:
        return ""
    return "for GPUs" if name in builds else "for the CPU"
