"""News for the live streams: "job 12 has changed". The streams read the rest from the database."""

from functools import partial

from django.db import transaction

from recipes import crash
from trackside.jobs import broker

CHANNEL = "trackside:live"
fuse = broker.Fuse("Live news")


def changed(job: int) -> None:
    """Published when the transaction around it is committed, or at once outside of one."""
    transaction.on_commit(partial(_publish, f"job:{job}"), robust=True)


def _publish(message: str) -> None:
    crash.point("news.committed")
    fuse.run(lambda: broker.client().publish(CHANNEL, message))
