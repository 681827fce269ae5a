"""A job's page and charts, where attempts went on from checkpoints."""

import pytest
from django.utils import timezone

from trackside.jobs import history
from trackside.jobs.history import Entry
from trackside.jobs.models import Job
from trackside.jobs.series import series
from trackside.jobs.views import _story

pytestmark = pytest.mark.django_db


def test_a_chart_shows_what_came_before_a_resumption_once(job: Job) -> None:
    now = timezone.now()

    def steps(*epochs: float) -> None:
        history.append(job.pk, [Entry("step", {"epoch": e, "loss": e}, now) for e in epochs])

    steps(0.5, 1.0, 1.5, 2.0)
    history.append(job.pk, [Entry("state", {"state": "starting"}, now)])
    steps(1.25, 1.75)
    job.refresh_from_db()
    assert series(job)["steps"]["epoch"] == [0.5, 1.0, 1.25, 1.75]


def test_a_chart_drops_what_a_checkpoint_did_not_hold_and_says_where_it_went_on(job: Job) -> None:
    now = timezone.now()

    def told(type_: str, **data: float | str) -> None:
        history.append(job.pk, [Entry(type_, {**data}, now)])

    for epoch in (0.5, 1.0, 1.5, 2.0, 2.5):
        told("step", epoch=epoch, loss=epoch)
    for epoch in (1, 2):
        told("epoch", epoch=epoch, val_loss=epoch)
    told("note", text="Goes on after epoch 2, from its checkpoint.", resumed=2.0)
    told("note", text="Goes on after epoch 1, from its checkpoint.", resumed=1.0)
    told("note", text="A word.")
    job.refresh_from_db()
    shown = series(job)
    assert shown["steps"]["epoch"] == [0.5, 1.0]
    assert shown["epochs"]["epoch"] == [1]
    assert shown["resumed"] == [1.0]
    told("step", epoch=1.5, loss=1)
    told("note", text="Goes on in epoch 2, step 3, from its checkpoint.", resumed=1.5)
    job.refresh_from_db()
    assert series(job)["steps"]["epoch"] == [0.5, 1.0, 1.5]
    assert series(job)["resumed"] == [1.0, 1.5]


def test_a_jobs_page_tells_the_last_checkpoint_and_all_else(job: Job) -> None:
    now = timezone.now()
    told = [Entry("checkpoint", {"epoch": n, "step": 0}, now) for n in range(1, 301)]
    history.append(job.pk, [Entry("note", {"text": "A word."}, now), *told])
    lines = [one["text"] for one in _story(job)]
    assert lines[0] == "Checkpoint after epoch 300 written."
    assert sum("Checkpoint" in line for line in lines) == 1
    assert "A word." in lines
