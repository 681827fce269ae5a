"""The Train dialog as a person asks it: a wish goes in, what it says comes out as text."""

import re
from collections.abc import Callable
from typing import Any

from trackside.jobs import services as jobs
from trackside.jobs.models import Job
from trackside.lab.models import Analysis

PICK = {"mode": "pick", "model": "0"}
AUTO = {"mode": "auto", "model": "0", "count": "1"}


def dialog(analysis: Analysis, browser: Any) -> Callable[[dict[str, Any]], str]:
    """What the dialog answers to a wish, as text without tags."""

    def ask(wish: dict[str, Any]) -> str:
        answer = browser.post(f"/p/INSECTS/lab/{analysis.name}/train/plan/", wish)
        assert answer.status_code == 200
        html = re.sub(r"<script.*?</script>", "", answer.content.decode(), flags=re.S)
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))

    return ask


def train(analysis: Analysis, browser: Any, wish: dict[str, Any]) -> Job:
    answer = browser.post(f"/p/INSECTS/lab/{analysis.name}/train/", wish)
    assert answer.status_code == 201, answer.content.decode()
    return Job.objects.latest("pk")


def wait_for(project: Any, user: Any, compute: dict[str, Any]) -> Job:
    return jobs.submit(
        project=project, user=user, kind="train", title="T", spec={}, compute=compute
    )


def limit(job: Job, seconds: int) -> None:
    """The job that runs is known to end by then."""
    Job.objects.filter(pk=job.pk).update(max_seconds=seconds)
