"""Machines, their GPUs, and who holds what.

Only `compute/services.py`, `compute/storage.py` and `jobs/services.py` write here.
"""

from django.db import models


class Site(models.Model):
    """The one row of this installation."""

    storage_token = models.CharField(max_length=64)  # also in TRACKSIDE_STORAGE/.trackside-token

    def __str__(self) -> str:
        return self.storage_token


class NodeState(models.TextChoices):
    ONLINE = "online", "Online"
    SUSPECT = "suspect", "Not heard from"
    LOST = "lost", "Offline"
    DRAINING = "draining", "Draining"


class Node(models.Model):
    """A machine with an agent. Registration is an upsert by name that raises `epoch`."""

    name = models.CharField(max_length=80, unique=True)
    queue = models.CharField(max_length=100)  # the Celery queue of its doorbells
    epoch = models.IntegerField(default=0)
    boot_id = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=10, choices=NodeState, default=NodeState.ONLINE)
    draining = models.BooleanField(default=False)
    heartbeat_at = models.DateTimeField(null=True)
    simulated = models.BooleanField(default=False)
    driver = models.CharField(max_length=40, blank=True)
    cuda = models.CharField(max_length=20, blank=True)
    cores = models.IntegerField(default=1)
    memory_total = models.BigIntegerField(default=0)
    memory_free = models.BigIntegerField(default=0)
    cpu_load = models.FloatField(default=0)  # percent of all cores
    why_no_gpu = models.JSONField(null=True)  # {"code","text","steps":[...]}
    catalogue = models.JSONField(default=dict)  # docs/jobs.md, "The catalogue"
    warm = models.BooleanField(default=False)  # the zygote is ready
    registered_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class Gpu(models.Model):
    """A device and its last sample: bytes, percent, degrees Celsius, watts."""

    uuid = models.CharField(max_length=80, primary_key=True)
    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="gpus")
    index = models.IntegerField()
    name = models.CharField(max_length=80)
    present = models.BooleanField(default=True)
    health = models.CharField(max_length=10, default="ok")  # ok, foreign, dirty, failed
    health_note = models.CharField(max_length=200, blank=True)
    memory_total = models.BigIntegerField()
    memory_used = models.BigIntegerField(default=0)
    utilization = models.FloatField(default=0)
    temperature = models.FloatField(null=True)
    power = models.FloatField(null=True)
    power_limit = models.FloatField(null=True)
    capability = models.CharField(max_length=10, blank=True)  # compute capability, "9.0"
    processes = models.JSONField(default=list)  # [{"pid","name","user","memory"}] that are not ours
    history = models.JSONField(default=list)  # last 60 utilisation samples, oldest first
    sampled_at = models.DateTimeField(null=True)
    idle_since = models.DateTimeField(null=True)  # null: at work when it was last sampled

    class Meta:
        ordering = ["node_id", "index"]

    def __str__(self) -> str:
        return f"{self.name} {self.index} on {self.node}"


class Lease(models.Model):
    """The right of one attempt to use one resource; the primary key is the referee of races.

    `resource` is a GPU's UUID, `<node>/core/<n>` or `<node>/quick/<n>` (small jobs that a page
    waits for).
    """

    resource = models.CharField(max_length=120, primary_key=True)
    attempt = models.ForeignKey("jobs.Attempt", on_delete=models.PROTECT, related_name="leases")
    node = models.ForeignKey(Node, on_delete=models.PROTECT, related_name="leases")
    gpu = models.ForeignKey(Gpu, null=True, on_delete=models.PROTECT, related_name="leases")
    quarantined = models.BooleanField(default=False)
    taken_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.resource} for attempt {self.attempt_id}"


class UsagePeak(models.Model):
    """The measured memory peak of one finished training: it corrects later estimates."""

    key = models.CharField(
        max_length=200, db_index=True
    )  # backbone, input size, retrained, precision
    batch = models.IntegerField()
    estimated = models.BigIntegerField()
    peak = models.BigIntegerField()
    rate = models.FloatField(default=0)  # images per second per rank
    ranks = models.IntegerField(default=1)
    images = models.IntegerField(default=0)  # that it was trained on
    epochs = models.IntegerField(default=0)
    seconds = models.FloatField(default=0)
    device = models.CharField(max_length=80)  # GPU name, or cpu
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.key
