"""Jobs change here and nowhere else. The parts lie beside: this is the door."""

from trackside.compute.requests import BadCompute
from trackside.jobs.attempts import claim, mark_launched, record, renew
from trackside.jobs.ending import (
    StillRunning,
    after_reboot,
    cancel_done,
    expire,
    fail,
    finish,
    give_way,
    lose,
    reap,
    release,
)
from trackside.jobs.moves import AlreadyOver, NotNow, StaleAttempt
from trackside.jobs.pausing import (
    drain_node,
    end_overdue,
    move,
    pause,
    preempt,
    resume,
    seconds_left,
)
from trackside.jobs.queue import (
    SIDES,
    NotYours,
    Side,
    move_after,
    move_before,
    move_waiting,
    place_beside,
    set_priority,
)
from trackside.jobs.scheduling import later
from trackside.jobs.submitting import stop, submit

REFUSED = (NotNow, AlreadyOver, BadCompute)  # what a person asked for and cannot have: a sentence

__all__ = [
    "REFUSED",
    "SIDES",
    "AlreadyOver",
    "NotNow",
    "NotYours",
    "Side",
    "StaleAttempt",
    "StillRunning",
    "after_reboot",
    "cancel_done",
    "claim",
    "drain_node",
    "end_overdue",
    "expire",
    "fail",
    "finish",
    "give_way",
    "later",
    "lose",
    "mark_launched",
    "move",
    "move_after",
    "move_before",
    "move_waiting",
    "pause",
    "place_beside",
    "preempt",
    "reap",
    "record",
    "release",
    "renew",
    "resume",
    "seconds_left",
    "set_priority",
    "stop",
    "submit",
]
