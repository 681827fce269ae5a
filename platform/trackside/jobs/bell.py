"""The scheduler's doorbell: "look at the queue". It may be lost: the scheduler looks anyway.

Separate from the nodes' doorbells, which Celery carries: the scheduler is no worker.
"""

from functools import partial

from django.db import transaction

from trackside.jobs import broker

CHANNEL = "trackside:queue"
fuse = broker.Fuse("The scheduler's bell")


def ring() -> None:
    """Rings when the transaction around it is committed, or at once outside of one."""
    transaction.on_commit(partial(fuse.run, _publish), robust=True)


def _publish() -> None:
    broker.client().publish(CHANNEL, "look")
