"""An attempt that ends when its job is over already, as by a row that was edited by hand."""

from collections.abc import Callable
from datetime import timedelta
from unittest.mock import Mock

import pytest
from django.utils import timezone

from tests.web import cast
from trackside.accounts.models import User
from trackside.compute.models import Lease, Node
from trackside.jobs import services
from trackside.jobs.attempts import LIVE
from trackside.jobs.models import Attempt, Event, Job
from trackside.projects.models import Project

LATER = timedelta(minutes=5)
ENDINGS: dict[str, Callable[[Attempt], object]] = {
    "finish": lambda one: services.finish(one, {}, publish=Mock(side_effect=AssertionError)),
    "fail": lambda one: services.fail(one, reason="It broke.", exit="1"),
    "cancel": services.cancel_done,
    "lose": lambda one: services.lose(one, "gpu-01 is gone."),
    "give way": lambda one: services.give_way(one, cause="pause"),
    "not renewed": lambda one: services.reap(timezone.now() + LATER),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_its_end_is_said_once_and_put_away(project: Project, ada: User, ending: str) -> None:
    cast.node()
    attempt = cast.claimed(cast.submit(project, ada))
    Job.objects.filter(pk=attempt.job_id).update(state="succeeded", reason="By hand.")
    ENDINGS[ending](attempt)
    job, over = Job.objects.get(), Attempt.objects.get()
    assert (job.state, job.reason) == ("succeeded", "By hand.")
    assert over.state not in LIVE
    told = Event.objects.filter(job=job, type="note").values_list("data__text", flat=True)
    assert list(told) == [
        f"Attempt 1 ended ({over.get_state_display().lower()}) when the job was succeeded "
        "already: the job stays as it is."
    ]
    services.release(over)  # its devices go to others
    assert not Lease.objects.exists()


def test_what_nobody_claimed_holds_up_no_pass(project: Project, ada: User) -> None:
    cast.node()
    Job.objects.filter(pk=cast.submit(project, ada).pk).update(state="failed")
    assert services.drain_node(Node.objects.get()) == 0
    assert services.expire(timezone.now() + LATER) == 1
    assert (Job.objects.get().state, Lease.objects.count()) == ("failed", 0)
