"""The web under uvicorn on a unix socket, with a stage; takes orders as JSON lines on stdin.

`python -m tests.web.live_server SOCKET`. The gzip middleware is on, to prove that it does no harm.
"""

import hashlib
import json
import os
import socket
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "trackside.config.settings"
django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY  # noqa: E402
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.contrib.sessions.models import Session  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import close_old_connections  # noqa: E402
from django.utils import timezone  # noqa: E402

from tests.web import cast  # noqa: E402
from trackside.accounts.models import ApiToken, User  # noqa: E402
from trackside.compute.models import Node  # noqa: E402
from trackside.jobs import hub, services, stream  # noqa: E402
from trackside.jobs.models import Attempt, Job  # noqa: E402
from trackside.projects.models import Member, Project, Role  # noqa: E402
from workers.web import serve  # noqa: E402


def session(user: User) -> str:
    one = SessionStore()
    one[SESSION_KEY] = str(user.pk)
    one[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    one[HASH_SESSION_KEY] = user.get_session_auth_hash()
    one.create()
    return str(one.session_key)


def stage() -> dict[str, Any]:
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    Path(settings.TRACKSIDE_STORAGE).mkdir(exist_ok=True)
    ada, dan = (User.objects.create_user(username=name) for name in ("ada", "dan"))
    project = Project.objects.create(key="INSECTS", name="Insects", created_by=ada)
    Member.objects.create(project=project, user=ada, role=Role.OWNER)
    cast.node(gpus=1, cores=2)
    digest = hashlib.sha256(b"secret of ada").hexdigest()
    ApiToken.objects.create(user=ada, name="script", prefix="secret", sha256=digest)
    return {"ada": session(ada), "dan": session(dan), "token": "secret of ada"}


class Orders:
    """Each method is an order; its answer goes back as a line."""

    def submit(self) -> dict[str, Any]:
        """A fresh job that has been claimed."""
        for old in Attempt.objects.filter(leases__isnull=False).distinct():
            services.fail(old, reason="Done with.", exit="1")
            services.release(old)
        cast.beat(Node.objects.get())
        job = cast.submit(Project.objects.get(), User.objects.get(username="ada"))
        cast.claimed(job)
        job.refresh_from_db()
        return {"job": job.pk, "seq": job.event_seq}

    def log(self, job: int, texts: list[str]) -> None:
        attempt = cast.live(Job.objects.get(pk=job))
        events = [{"type": "log", "text": text} for text in texts]
        services.record(attempt, events, attempt.journal_offset + 1, timezone.now())

    def finish(self, job: int) -> None:
        attempt = cast.live(Job.objects.get(pk=job))
        services.finish(attempt, {}, publish=None)
        services.release(attempt)

    def beat(self, utilization: float) -> None:
        cast.beat(Node.objects.get(), utilization=utilization)

    def leave(self) -> None:
        Member.objects.all().delete()

    def check_often(self) -> None:
        stream.CHECK = hub.PULSE = 0.1

    def sign_out(self, who: str) -> None:
        """The session is gone; a new one, so that others may go on."""
        for one in Session.objects.all():
            if one.get_decoded().get(SESSION_KEY) == str(User.objects.get(username=who).pk):
                one.delete()

    def sign_in(self, who: str) -> str:
        return session(User.objects.get(username=who))

    def most_streams(self, number: int) -> None:
        hub.MOST_STREAMS = number

    def held(self) -> int:
        """The bytes that wait for the slowest reader."""
        return max(one._held for hub_ in hub._hubs.values() for one in hub_.listeners)

    def listeners(self) -> int:
        return sum(len(one.listeners) for one in hub._hubs.values())

    def connections(self) -> int:
        """Open files of the database."""
        name = str(settings.DATABASES["default"]["NAME"])
        links = (os.readlink(one) for one in Path("/proc/self/fd").iterdir() if one.is_symlink())
        return sum(1 for link in links if link == name)


def obey() -> None:
    orders = Orders()
    for line in sys.stdin:
        order = json.loads(line)
        close_old_connections()
        try:
            answer = getattr(orders, order.pop("do"))(**order)
        except BaseException:  # nobody shall wait for the answer
            traceback.print_exc()
            os._exit(1)
        print(json.dumps(answer), flush=True)


def listen(path: str) -> socket.socket:
    one = socket.socket(socket.AF_UNIX)
    one.bind(path)
    one.listen(2048)
    return one


def main(path: str) -> None:
    settings.MIDDLEWARE = ["django.middleware.gzip.GZipMiddleware", *settings.MIDDLEWARE]
    print(json.dumps(stage()), flush=True)
    threading.Thread(target=obey, daemon=True).start()
    serve(listen(path))


if __name__ == "__main__":
    main(sys.argv[1])
