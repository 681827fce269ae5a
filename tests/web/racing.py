"""What a race needs: a database of its own, many threads, and who runs.

Imported before anything of Django: it sets it up.
"""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "trackside.config.settings"
django.setup()

from django.db import connections  # noqa: E402

from trackside.accounts.models import User  # noqa: E402
from trackside.projects.models import Project  # noqa: E402

THREADS = 16
ROUNDS = 30


def together(acts: list[Callable[[], Any]]) -> list[Any]:
    """All at the same moment, each in a thread with a connection of its own."""
    gate = threading.Barrier(min(len(acts), THREADS))

    def one(number: int) -> Any:
        if number < gate.parties:
            gate.wait()
        try:
            return acts[number]()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(one, range(len(acts))))


def stage() -> tuple[Project, User, User]:
    project = Project.objects.create(key="RACE", name="Race")
    ada, ben = (User.objects.create(username=name) for name in ("ada", "ben"))
    return project, ada, ben
