"""Jobs change here and nowhere else. The parts lie beside: this is the door."""

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
from trackside.jobs.passes import schedule
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
    NotYours,
    move_after,
    move_before,
    move_waiting,
    must_command,
    set_priority,
)
from trackside.jobs.scheduling import later
from trackside.jobs.submitting import stop, submit

__all__ = [
    "AlreadyOver",
    "NotNow",
    "NotYours",
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
    "must_command",
    "pause",
    "preempt",
    "reap",
    "record",
    "release",
    "renew",
    "resume",
    "schedule",
    "seconds_left",
    "set_priority",
    "stop",
    "submit",
]
