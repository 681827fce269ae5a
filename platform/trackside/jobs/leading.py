"""Of several processes of a sort one leads: who has the row, as long as there is time left in it.

A convenience, not a lock: who is slow to notice that it no longer leads does no harm, because
every write of a leader is guarded by itself.
"""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import F

from trackside.jobs.models import Leader

SCHEDULER = "scheduler"
TERM = timedelta(seconds=10)  # a leader that is silent for so long is replaced


def lead(name: str, holder: str, now: datetime) -> bool:
    """Lead on, or take over where nobody does; whether `holder` leads."""
    rows, until = Leader.objects.filter(pk=name), now + TERM
    if rows.filter(holder=holder).update(until=until):
        return True
    if rows.filter(until__lt=now).update(holder=holder, until=until, term=F("term") + 1):
        return True
    if rows.exists():
        return False
    try:
        with transaction.atomic():
            Leader.objects.create(name=name, holder=holder, until=until, term=1)
    except IntegrityError:  # another was the first
        return False
    return True


def resign(name: str, holder: str, now: datetime) -> None:
    """On an orderly end: the next one need not wait for the term to run out."""
    past = now - timedelta(seconds=1)
    Leader.objects.filter(pk=name, holder=holder).update(until=past)
