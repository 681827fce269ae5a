"""Wrong passwords cost time, more with each: per person, per address.

The delay of one name stays short, so that nobody can be locked out by a stranger's tries; the delay
of one address grows to a quarter of an hour.
"""

import hashlib
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from trackside.accounts.models import SignInTries

FREE = {"name": 5, "address": 20}  # tries before the first delay
MOST = {"name": 30.0, "address": 900.0}  # seconds
FORGET = timedelta(hours=1)


def seconds_to_wait(username: str, address: str, now: datetime) -> int:
    """0, or how long this name or this address has to wait before the next try."""
    keys = _keys(username, address).values()
    waits = SignInTries.objects.filter(key__in=keys, until__gt=now).values_list("until", flat=True)
    seconds = [int((until - now).total_seconds()) + 1 for until in waits if until]
    return max(seconds, default=0)


@transaction.atomic
def failed(username: str, address: str, now: datetime) -> None:
    """Count a wrong password against both; old counts are swept on the way."""
    SignInTries.objects.filter(last_at__lt=now - FORGET).delete()
    for kind, key in _keys(username, address).items():
        SignInTries.objects.get_or_create(key=key, defaults={"last_at": now})
        SignInTries.objects.filter(key=key).update(failures=F("failures") + 1, last_at=now)
        failures = SignInTries.objects.values_list("failures", flat=True).get(key=key)
        wait = _delay(kind, failures)
        if wait:
            SignInTries.objects.filter(key=key).update(until=now + timedelta(seconds=wait))


def succeeded(username: str, address: str) -> None:
    """The right password clears the name; the address keeps its count until it is forgotten."""
    SignInTries.objects.filter(key=_keys(username, address)["name"]).delete()


def _delay(kind: str, failures: int) -> float:
    over = failures - FREE[kind]
    return 0.0 if over < 0 else min(MOST[kind], 2.0 ** min(over, 20))


def _keys(username: str, address: str) -> dict[str, str]:
    """Hashed: what a person typed into the wrong field must not stand in a table."""
    hashed = hashlib.sha256(username.strip().lower().encode()).hexdigest()[:40]
    return {"name": f"name:{hashed}", "address": f"address:{address[:45]}"}
