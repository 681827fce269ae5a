"""Two people want the same GPU at the same moment: `python -m tests.faults.race ROUNDS`.

Prints `one ROUNDS` when in each round exactly one of them got it and the other one waits.
"""

import os
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "trackside.config.settings"
django.setup()

from trackside.accounts.models import User  # noqa: E402
from trackside.compute import clock  # noqa: E402
from trackside.compute import services as compute  # noqa: E402
from trackside.compute.models import Node  # noqa: E402
from trackside.jobs import services  # noqa: E402
from trackside.jobs.models import Attempt, Job  # noqa: E402
from trackside.jobs.states import ATTEMPT_OVER  # noqa: E402
from trackside.projects.models import Project  # noqa: E402


class Race:
    def __init__(self) -> None:
        self.project = Project.objects.get()
        self.uuid = "GPU-of-a-race"
        self.register()
        self.people = [User.objects.get(username=name) for name in ("ada", "ben")]
        self.both = ThreadPoolExecutor(2)  # each with a connection of its own, as web processes

    def register(self) -> None:
        """A node of its own without an agent: nobody but the two has a hand in it."""
        facts = compute.NodeFacts(name="race", boot_id="boot", cores=2, memory_total=2**34)
        gpu = compute.GpuFacts(uuid=self.uuid, index=0, name="H100", memory_total=2**34)
        compute.register_node(facts, [gpu], now=clock.now())

    def click(self, user: User, gate: threading.Barrier, made: list[int]) -> None:
        gate.wait()
        job = services.submit(
            project=self.project,
            user=user,
            kind="preview",
            title="A race",
            spec={"training": {"epochs": 1}},
            compute={"kind": "gpus", "uuids": [self.uuid]},
        )
        made.append(job.pk)

    def round(self) -> str:
        """How many of the two got the GPU, and how many wait."""
        Node.objects.filter(name="race").update(heartbeat_at=clock.now())
        gate, made = threading.Barrier(2), list[int]()
        clicks = [self.both.submit(self.click, one, gate, made) for one in self.people]
        for one in clicks:
            one.result()
        owners = Attempt.objects.filter(job__in=made, leases__gpu=self.uuid).distinct().count()
        live = Attempt.objects.filter(job__in=made).exclude(state__in=ATTEMPT_OVER).count()
        waiting = Job.objects.filter(pk__in=made, state="queued").exclude(reason="").count()
        for job in Job.objects.filter(pk__in=made).order_by("state"):  # the waiting one first
            services.stop(job, user=self.people[0], how="cancel")
        return (
            "one" if (len(made), owners, live, waiting) == (2, 1, 1, 1) else f"{owners} {waiting}"
        )


def main(rounds: int) -> None:
    race = Race()
    outcomes = Counter(race.round() for _ in range(rounds))
    Node.objects.filter(name="race").update(heartbeat_at=clock.now() - timedelta(hours=1))
    print(*(word for pair in outcomes.items() for word in pair))


if __name__ == "__main__":
    main(int(sys.argv[1]))
