"""Devices that die under a job, and jobs that do not let go of their devices."""

import logging
import time
from collections.abc import Collection
from dataclasses import replace
from typing import Protocol

from recipes import crash
from trackside.compute.services import break_gpu
from trackside.jobs.models import Follower
from workers import sweep
from workers.verdict import Verdict

HELD = 30.0  # seconds that killed processes may take to be gone
# Ends that may only look like the job's own fault on a device that has died.
DOUBTFUL = ("program", "rank_crashed", "rank_killed", "ranks_apart", "leader_killed", "hung")
log = logging.getLogger(__name__)


class Fault(Protocol):
    """Why no job can go on on these devices, as a sentence; `fresh` asks the driver again."""

    def __call__(self, uuids: Collection[str], *, fresh: bool = False) -> str: ...


class Condemned:
    """What is known of the parts of one thread."""

    def __init__(self, fault: Fault) -> None:
        self._fault = fault
        self._said: dict[int, str] = {}
        self._since: dict[int, float] = {}

    def look(self, part: sweep.Part) -> str:
        """The sentence, when a device of the part has died; its processes are killed then."""
        uuids = part.compute.get("uuids") or ()
        if part.pk not in self._said and uuids:
            reason = self._fault(uuids)
            if reason:
                log.warning("Ending %s: %s", part, reason)
                self._said[part.pk] = reason
                sweep.kill(part)
                crash.point("condemned.killed")
        return self._said.get(part.pk, "")

    def verdict(self, part: sweep.Part, found: Verdict) -> Verdict:
        """The device is to blame for the end of a job that died with it."""
        if found.end not in ("fail", "lose") or found.cause not in DOUBTFUL:
            return found
        uuids = part.compute.get("uuids") or ()
        reason = self._said.get(part.pk) or (self._fault(uuids, fresh=True) if uuids else "")
        if not reason:
            return found
        return replace(found, end="lose", cause="gpu_failed", reason=reason)

    def held(self, part: sweep.Part) -> bool:
        """Killed processes are still there. True once that has lasted: its GPUs are broken then."""
        now = time.monotonic()
        if now - self._since.setdefault(part.pk, now) < HELD:
            return False
        job = part.attempt.job_id if isinstance(part, Follower) else part.job_id
        said = f"Processes of job {job} are still on it, {HELD:.0f} seconds after they were killed."
        for uuid in part.compute.get("uuids") or ():
            if break_gpu(uuid, said):
                log.warning("GPU %s is out of service: %s", uuid, said)
        self._said.setdefault(part.pk, said)
        return True

    def forget(self, part: sweep.Part) -> None:
        self._said.pop(part.pk, None)
        self._since.pop(part.pk, None)
