"""Jobs change here and nowhere else. The parts lie beside: this is the door."""

from trackside.jobs.attempts import claim, mark_launched, record, renew
from trackside.jobs.ending import (
    StillRunning,
    after_reboot,
    cancel_done,
    expire,
    fail,
    finish,
    give_back,
    lose,
    reap,
    release,
)
from trackside.jobs.moves import AlreadyOver, StaleAttempt
from trackside.jobs.scheduling import schedule
from trackside.jobs.submitting import stop, submit

__all__ = [
    "AlreadyOver",
    "StaleAttempt",
    "StillRunning",
    "after_reboot",
    "cancel_done",
    "claim",
    "expire",
    "fail",
    "finish",
    "give_back",
    "lose",
    "mark_launched",
    "reap",
    "record",
    "release",
    "renew",
    "schedule",
    "stop",
    "submit",
]
