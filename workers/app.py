"""The Celery application of a node: the doorbells' own, so both ends agree on every setting."""

from celery import Celery
from celery.worker import WorkController

from trackside.jobs import doorbell

app: Celery = doorbell.app

__all__ = ["WorkController", "app"]
