"""The right to start: the claim in the database, and NVML's word that the devices are free."""

import logging

from recipes import crash
from trackside.compute import clock
from trackside.jobs import services
from trackside.jobs.models import Attempt
from trackside.jobs.moves import StaleAttempt
from workers.gpus import Gpus

log = logging.getLogger(__name__)


def claim(attempt_id: int, *, node: int, gpus: Gpus) -> Attempt | None:
    """The attempt when it is ours to start. However often it is rung for, only one call gets it."""
    attempt = services.claim(attempt_id, node=node, now=clock.now())
    if attempt is None:
        return None
    crash.point("leases.claimed")
    uuids = attempt.compute.get("uuids") or ()
    shared = bool(attempt.compute.get("share"))
    reason = gpus.taken(uuids, shared=shared) if uuids else ""
    if not reason:
        return attempt
    log.warning("Attempt %s goes back to the queue: %s", attempt.pk, reason)
    give_back(attempt, reason)
    return None


def give_back(attempt: Attempt, reason: str) -> None:
    """To the queue again. Nothing of it was started, so that its leases go at once."""
    try:
        services.lose(attempt, reason, cause="gpu_taken")
    except StaleAttempt:
        return
    crash.point("leases.given_back")
    services.release(attempt, tell=False)
