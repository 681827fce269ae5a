"""A fleet for trying and for tests: TRACKSIDE_FAKE_GPUS, as cards.py reads it.

Its jobs run on CPU ranks, and every page says that it is simulated. The numbers follow from the
clock and the device alone, so that two looks at the same second agree. What goes wrong is written
in the file TRACKSIDE_FAKE_FAULTS: faults.py.
"""

import hashlib
import math
import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from trackside.compute.services import GpuFacts, GpuSample
from workers import cards
from workers.faults import Fault

GB = 2**30
# Compute capability, power limit and NVLinks of the cards one may name; others get modest ones.
KNOWN = {
    "T4": ("7.5", 70.0, 0),
    "V100": ("7.0", 300.0, 6),
    "L4": ("8.9", 72.0, 0),
    "L40S": ("8.9", 350.0, 0),
    "A10": ("8.6", 150.0, 0),
    "A100": ("8.0", 400.0, 12),
    "H100": ("9.0", 700.0, 18),
    "H200": ("9.0", 700.0, 18),
    "B200": ("10.0", 1000.0, 18),
}
MODEST = ("8.0", 250.0, 0)


def inventory(text: str, host: str) -> list[GpuFacts]:
    """The devices that `text` names. Their UUIDs are the same at each start of the same host.

    Raises BadFleet.
    """
    found: list[GpuFacts] = []
    index = 0
    for part in cards.read(text):
        capability, limit, _ = KNOWN.get(part.model.upper(), MODEST)
        for _ in range(part.count):
            card = GpuFacts(
                uuid=_uuid(host, str(index)),
                index=index,
                name=f"{part.model} {part.gigabytes} GB (simulated)",
                memory_total=part.gigabytes * GB,
                capability=capability,
                power_limit=limit,
            )
            found += _slices(card, part, host) if part.cut else [card]
            index += 1
    return found


def _uuid(host: str, what: str, sort: str = "GPU") -> str:
    trace = hashlib.sha256(f"{host}/{what}".encode()).hexdigest()
    return f"{sort}-sim-{trace[:8]}-{trace[8:12]}-{trace[12:16]}-{trace[16:28]}"


def _slices(card: GpuFacts, part: cards.Cards, host: str) -> list[GpuFacts]:
    return [
        replace(
            card,
            uuid=_uuid(host, f"{card.index}/{number}", "MIG"),
            name=f"{part.model} MIG {one} (simulated)",
            memory_total=int(one.partition(".")[2].removesuffix("gb")) * GB,
            power_limit=None,
            parent=card.uuid,
            slots=1,
        )
        for number, one in enumerate(part.cut)
    ]


def topology(gpus: Sequence[GpuFacts]) -> dict[str, Any]:
    """As a server of such cards is built: NVLink among equals, two NUMA nodes, PCIe else."""
    whole = [one for one in gpus if not one.parent]
    half = len(whole) // 2 if len(whole) > 2 else len(whole)
    numa = {one.uuid: int(place >= half) for place, one in enumerate(whole)}
    links: dict[str, dict[str, str]] = {one.uuid: {} for one in whole}
    for place, one in enumerate(whole):
        for other in whole[place + 1 :]:
            wires = KNOWN.get(one.name.split(" ")[0].upper(), MODEST)[2]
            near = "PHB" if numa[one.uuid] == numa[other.uuid] else "SYS"
            way = f"NV{wires}" if wires and one.name == other.name else near
            links[one.uuid][other.uuid] = links[other.uuid][one.uuid] = way
    return {"links": links, "numa": numa}


def samples(
    gpus: Collection[GpuFacts], busy: Collection[str], wrong: dict[int, Fault] | None = None
) -> list[GpuSample]:
    """Idle when no job of ours runs on it; under load else. `wrong`: faults by a device's index."""
    now = time.time()
    found = []
    for gpu in gpus:
        fault = (wrong or {}).get(gpu.index, Fault())
        if not fault.silent:
            found.append(fault.spoil(gpu, _sample(gpu, gpu.uuid in busy, now)))
    return found


def _sample(gpu: GpuFacts, busy: bool, now: float) -> GpuSample:
    wave = (1 + math.sin(now / 5 + gpu.index)) / 2  # 0..1
    limit = gpu.power_limit
    if not busy:
        return GpuSample(
            uuid=gpu.uuid,
            memory_used=int(0.006 * gpu.memory_total),
            utilization=0.0,
            temperature=round(31 + 2 * wave, 1),
            power=limit and round(limit * 0.1, 1),
        )
    return GpuSample(
        uuid=gpu.uuid,
        memory_used=int((0.30 + 0.02 * wave) * gpu.memory_total),
        utilization=round(82 + 14 * wave, 1),
        temperature=round(58 + 6 * wave, 1),
        power=limit and round(limit * (0.72 + 0.12 * wave), 1),
    )
