"""A fleet for trying and for tests: TRACKSIDE_FAKE_GPUS=4xH100-80GB or 2xA100-40GB,1xL4-24GB.

Its jobs run on CPU ranks, and every page says that it is simulated. The numbers follow from the
clock and the device alone, so that two looks at the same second agree.
"""

import hashlib
import math
import re
import time
from collections.abc import Collection

from trackside.compute.services import GpuFacts, GpuSample

GB = 2**30
MOST = 64
_PART = re.compile(r"(\d{1,3})x([A-Za-z0-9][A-Za-z0-9 .]{0,30})-(\d{1,4})GB")
# Compute capability and power limit of the cards one may name; others get modest ones.
KNOWN = {
    "T4": ("7.5", 70.0),
    "V100": ("7.0", 300.0),
    "L4": ("8.9", 72.0),
    "L40S": ("8.9", 350.0),
    "A10": ("8.6", 150.0),
    "A100": ("8.0", 400.0),
    "H100": ("9.0", 700.0),
    "H200": ("9.0", 700.0),
    "B200": ("10.0", 1000.0),
}


class BadFleet(Exception):
    """TRACKSIDE_FAKE_GPUS cannot be read; the message shows how to write it."""


def inventory(text: str, host: str) -> list[GpuFacts]:
    """The devices that `text` names. Their UUIDs are the same at each start of the same host."""
    found: list[GpuFacts] = []
    for part in text.split(","):
        match = _PART.fullmatch(part.strip())
        if match is None or not 0 < int(match[1]) <= MOST or not int(match[3]):
            raise BadFleet(
                f"TRACKSIDE_FAKE_GPUS has {part.strip()!r}; write for example "
                f"4xH100-80GB or 2xA100-40GB,1xL4-24GB, at most {MOST} of a kind."
            )
        capability, limit = KNOWN.get(match[2].upper(), ("8.0", 250.0))
        found += [
            GpuFacts(
                uuid=_uuid(host, len(found) + number),
                index=len(found) + number,
                name=f"{match[2]} {match[3]} GB (simulated)",
                memory_total=int(match[3]) * GB,
                capability=capability,
                power_limit=limit,
            )
            for number in range(int(match[1]))
        ]
    return found


def _uuid(host: str, index: int) -> str:
    trace = hashlib.sha256(f"{host}/{index}".encode()).hexdigest()
    return f"GPU-sim-{trace[:8]}-{trace[8:12]}-{trace[12:16]}-{trace[16:28]}"


def samples(gpus: Collection[GpuFacts], busy: Collection[str]) -> list[GpuSample]:
    """Idle when no job of ours runs on it; under load else."""
    now = time.time()
    return [_sample(gpu, gpu.uuid in busy, now) for gpu in gpus]


def _sample(gpu: GpuFacts, busy: bool, now: float) -> GpuSample:
    wave = (1 + math.sin(now / 5 + gpu.index)) / 2  # 0..1
    limit = gpu.power_limit or 250.0
    if not busy:
        return GpuSample(
            uuid=gpu.uuid,
            memory_used=int(0.006 * gpu.memory_total),
            utilization=0.0,
            temperature=round(31 + 2 * wave, 1),
            power=round(limit * 0.1, 1),
        )
    return GpuSample(
        uuid=gpu.uuid,
        memory_used=int((0.30 + 0.02 * wave) * gpu.memory_total),
        utilization=round(82 + 14 * wave, 1),
        temperature=round(58 + 6 * wave, 1),
        power=round(limit * (0.72 + 0.12 * wave), 1),
    )
