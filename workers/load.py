"""What a job uses: the `load` events of its journal, measured from outside."""

import os
import time
from dataclasses import dataclass, field
from typing import Any

from trackside.compute.models import Gpu
from trackside.compute.services import GpuSample
from trackside.jobs.models import Attempt
from workers import sweep

EVERY = 2.0
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Load:
    """Measures one attempt."""

    seen: float = 0.0
    ticks: dict[int, int] = field(default_factory=dict)

    def due(self, now: float) -> bool:
        return now - self.seen >= EVERY

    def event(
        self, attempt: Attempt, samples: dict[str, GpuSample], others: list[Gpu]
    ) -> dict[str, Any] | None:
        """A `load` line; None the first time, when there is nothing to compare with.

        `others` are the GPUs on other nodes, as those have told of them.
        """
        now, before, old = time.monotonic(), self.seen, self.ticks
        members = sweep.living(attempt)
        self.seen, self.ticks = now, {one.pid: one.ticks for one in members}
        uuids = attempt.compute.get("uuids", ())
        gpus: list[GpuSample | Gpu] = [samples[uuid] for uuid in uuids if uuid in samples]
        gpus += others
        if not before or not members:
            return None
        worked = sum(one.ticks - old.get(one.pid, 0) for one in members)
        return {
            "type": "load",
            "t": round(time.time(), 3),
            "cpu": round(100 * worked / _TICKS / (now - before), 1),
            "memory": sum(one.resident for one in members),
            "gpus": [
                {
                    "uuid": one.uuid,
                    "utilization": one.utilization,
                    "memory": one.memory_used,
                    "power": one.power,
                    "temperature": one.temperature,
                }
                for one in gpus
            ],
        }
