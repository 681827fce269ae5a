"""The only place where the web speaks Celery: "there is work for you", and nothing else.

A doorbell may be lost, doubled or late: the node's poll finds the same rows, and the claim is one
guarded UPDATE. So ringing never raises and never hangs.
"""

from collections.abc import Iterable
from functools import partial
from typing import Any

from celery import Celery
from django.conf import settings
from django.db import transaction

from trackside.compute.services import queue_of
from trackside.jobs.broker import Fuse

START, POKE = "workers.jobs.start", "workers.jobs.poke"
EXPIRES = 60  # seconds: the poll was there long before

SETTINGS = {
    "task_ignore_result": True,
    "result_backend": None,
    "task_acks_late": False,
    "worker_prefetch_multiplier": 1,
    "worker_enable_remote_control": False,
    "worker_send_task_events": False,
    "task_send_sent_event": False,
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "broker_connection_timeout": 2,
    "broker_pool_limit": 4,
    # A worker's BRPOP waits one second: its socket_timeout must be longer.
    "broker_transport_options": {
        "visibility_timeout": 3600,
        "socket_timeout": 3,
        "socket_connect_timeout": 2,
        "socket_keepalive": True,
        "health_check_interval": 15,
        "global_keyprefix": "trackside:",
    },
    "task_publish_retry_policy": {
        "max_retries": 1,
        "interval_start": 0,
        "interval_step": 0.1,
        "interval_max": 0.2,
    },
}


def app_for(url: str) -> Celery:
    """The Celery application: the web rings with it, the agent's worker listens with it."""
    one = Celery("trackside", set_as_current=False)
    one.conf.update(broker_url=url, **SETTINGS)
    return one


app = app_for(settings.BROKER_URL)
fuse = Fuse("A doorbell")


def ring(node: str, attempt: int) -> bool:
    """Tell a node that this attempt is assigned to it. Whether the message was taken."""
    return _send(node, START, [attempt])


def poke(node: str) -> bool:
    """Tell a node to look at its attempts: one of them is to stop."""
    return _send(node, POKE, [])


def poke_soon(nodes: Iterable[str]) -> None:
    """Each of them, once the transaction is committed."""
    for node in nodes:
        transaction.on_commit(partial(poke, node), robust=True)


def _send(node: str, task: str, args: list[Any]) -> bool:
    def send() -> None:
        app.send_task(task, args=args, queue=queue_of(node), expires=EXPIRES, ignore_result=True)

    return fuse.run(send)
