"""How the cards of this machine are connected: NVLink between pairs, else their way over PCIe."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pynvml

from workers.inventory import text

PCI = Path("/sys/bus/pci/devices")
SWITCH = "switch"


def measure(cards: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """`models.Node.topology` of these (uuid, handle): links of every pair, NUMA node of each."""
    buses = {uuid: bus(handle) for uuid, handle in cards}
    wires = {uuid: _wires(handle) for uuid, handle in cards}
    links: dict[str, dict[str, str]] = {uuid: {} for uuid, _ in cards}
    for place, (one, handle) in enumerate(cards):
        for other, another in cards[place + 1 :]:
            number = min(wires[one].get(SWITCH, 0), wires[other].get(SWITCH, 0))
            number = number or wires[one].get(buses[other], 0)
            way = f"NV{number}" if number else _way(handle, another)
            links[one][other] = links[other][one] = way
    numa = {uuid: node for uuid, where in buses.items() if (node := _numa(where)) is not None}
    return {"links": links, "numa": numa}


def bus(handle: Any) -> str:
    """The PCI address as sysfs writes it: 0000:3b:00.0."""
    with suppress(pynvml.NVMLError):
        return _address(text(pynvml.nvmlDeviceGetPciInfo(handle).busId))
    return ""


def _address(place: str) -> str:
    domain, _, rest = place.lower().partition(":")
    return f"{domain[-4:]}:{rest}"


def _wires(handle: Any) -> dict[str, int]:
    """Active NVLinks by what is at their other end: another card's address, or a switch."""
    found: dict[str, int] = {}
    for link in range(pynvml.NVML_NVLINK_MAX_LINKS):
        try:
            if not pynvml.nvmlDeviceGetNvLinkState(handle, link):
                continue
            end = _end(handle, link)
        except pynvml.NVMLError:
            continue
        found[end] = found.get(end, 0) + 1
    return found


def _end(handle: Any, link: int) -> str:
    with suppress(pynvml.NVMLError):
        sort = pynvml.nvmlDeviceGetNvLinkRemoteDeviceType(handle, link)
        if sort == pynvml.NVML_NVLINK_DEVICE_TYPE_SWITCH:
            return SWITCH
    return _address(text(pynvml.nvmlDeviceGetNvLinkRemotePciInfo(handle, link).busId))


def _way(one: Any, other: Any) -> str:
    names = {
        pynvml.NVML_TOPOLOGY_INTERNAL: "PIX",
        pynvml.NVML_TOPOLOGY_SINGLE: "PIX",
        pynvml.NVML_TOPOLOGY_MULTIPLE: "PXB",
        pynvml.NVML_TOPOLOGY_HOSTBRIDGE: "PHB",
        pynvml.NVML_TOPOLOGY_NODE: "NODE",
    }
    with suppress(pynvml.NVMLError):
        return names.get(pynvml.nvmlDeviceGetTopologyCommonAncestor(one, other), "SYS")
    return "SYS"


def _numa(where: str) -> int | None:
    with suppress(OSError, ValueError):
        number = int((PCI / where / "numa_node").read_text())
        return number if number >= 0 else None
    return None
