"""A job on shared GPUs keeps to the memory that it was given, by NVML's count of its processes.

PyTorch's allocator stops at the budget by itself (recipes/engine/peers.py). What it does not count,
as a library's own memory, is seen here: the job ends before the others on the card run out. In a
container that cannot see the host's pids nothing is found, and the allocator's limit stands alone.
"""

import logging
import time
from contextlib import suppress

import pynvml

from workers import sweep
from workers.driver import NoAnswer
from workers.gpus import Gpus
from workers.verdict import Verdict

EVERY = 2.0
SLACK = 1.1
GIB = 2**30
log = logging.getLogger(__name__)


class Budgets:
    """What is known of the attempts of one thread."""

    def __init__(self, gpus: Gpus) -> None:
        self._gpus = gpus
        self._said: dict[int, str] = {}
        self._looked: dict[int, float] = {}

    def look(self, part: sweep.Part) -> str:
        """The sentence, when the part has taken too much; its processes are killed then."""
        budget, now = int(part.compute.get("memory") or 0), time.monotonic()
        if not budget or part.compute.get("simulated") or part.pk in self._said:
            return self._said.get(part.pk, "")
        if now - self._looked.get(part.pk, 0.0) >= EVERY:
            self._looked[part.pk] = now
            self._measure(part, budget)
        return self._said.get(part.pk, "")

    def _measure(self, part: sweep.Part, budget: int) -> None:
        ours = {one.pid for one in sweep.living(part)}
        for gpu in self._gpus.facts:
            if gpu.uuid not in part.compute.get("uuids", ()):
                continue
            used = sum(size for pid, size in self._used(gpu.uuid).items() if pid in ours)
            if used > SLACK * budget:
                self._said[part.pk] = (
                    f"It used {used / GIB:.1f} GiB of GPU {gpu.index}, more than the "
                    f"{budget / GIB:.1f} GiB that it was given of the shared card. Give it more "
                    "memory or a smaller batch size, or a GPU of its own."
                )
                log.warning("Ending %s: %s", part, self._said[part.pk])
                sweep.kill(part)
                return

    def _used(self, uuid: str) -> dict[int, int]:
        """Bytes by process; nothing when the driver does not say."""

        def ask() -> dict[int, int]:
            handle = pynvml.nvmlDeviceGetHandleByUUID(uuid)
            found = pynvml.nvmlDeviceGetComputeRunningProcesses(handle)
            return {int(one.pid): int(one.usedGpuMemory or 0) for one in found}

        with suppress(NoAnswer, pynvml.NVMLError):
            return self._gpus.asking.ask(f"the processes of {uuid}", ask)
        return {}

    def verdict(self, part: sweep.Part, found: Verdict) -> Verdict:
        reason = self._said.get(part.pk, "")
        if not reason or found.end in ("finish", "cancel"):
            return found
        return Verdict(end="fail", reason=reason, exit="over budget", cause="over_budget")

    def forget(self, part: sweep.Part) -> None:
        self._said.pop(part.pk, None)
        self._looked.pop(part.pk, None)
