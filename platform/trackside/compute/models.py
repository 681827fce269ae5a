"""Machines, their GPUs, and who holds what.

Only `compute/services.py`, `compute/storage.py` and `jobs/services.py` write here.
"""

from django.conf import settings
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
    address = models.CharField(max_length=80, blank=True)  # where other nodes' ranks reach its own
    interface = models.CharField(max_length=40, blank=True)  # the network interface of `address`
    # {"links": {uuid: {uuid: "NV18"|"PIX"|"PXB"|"PHB"|"NODE"|"SYS"}}, "numa": {uuid: n}}
    topology = models.JSONField(default=dict)
    drain_note = models.CharField(max_length=200, blank=True)  # who drains it and why
    # What its agent says of itself: {"clock": seconds ahead of the database, "version", "storage":
    # bytes free or null while it does not answer, "heard": seconds since a doorbell rang or null}
    vitals = models.JSONField(default=dict)

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
    parent = models.CharField(max_length=80, blank=True)  # a MIG slice's card
    slots = models.IntegerField(default=4)  # shares that it can be given in; 1: never shared
    errors = models.JSONField(default=dict)  # {"ecc": uncorrected, "retired": pages, "xid": last}
    broken = models.CharField(max_length=200, blank=True)  # out of service until repaired: why
    idle_since = models.DateTimeField(null=True)  # null: at work when it was last sampled

    class Meta:
        ordering = ["node_id", "index"]

    def __str__(self) -> str:
        return f"{self.name} {self.index} on {self.node}"


class Lease(models.Model):
    """The right of one attempt to use one resource; the primary key is the referee of races.

    `resource` is a GPU's UUID for its share 0, `<uuid>#<n>` for share n, `<node>/core/<n>` or
    `<node>/quick/<n>` (small jobs that a page waits for). An exclusive job holds all shares of its
    GPUs, a shared one a single share with a memory budget.
    """

    resource = models.CharField(max_length=120, primary_key=True)
    attempt = models.ForeignKey("jobs.Attempt", on_delete=models.PROTECT, related_name="leases")
    node = models.ForeignKey(Node, on_delete=models.PROTECT, related_name="leases")
    gpu = models.ForeignKey(Gpu, null=True, on_delete=models.PROTECT, related_name="leases")
    quarantined = models.BooleanField(default=False)
    taken_at = models.DateTimeField()
    shared = models.BooleanField(default=False)
    memory = models.BigIntegerField(null=True)  # the budget of a shared job in bytes
    counted_at = models.DateTimeField(null=True)  # usage is settled up to here; null: taken_at
    used_seconds = models.FloatField(default=0)  # utilisation x time since counted_at
    energy_wh = models.FloatField(default=0)  # since counted_at

    def __str__(self) -> str:
        return f"{self.resource} for attempt {self.attempt_id}"


class Quota(models.Model):
    """The most GPUs at once of a user or of a project; both null: of every user without a row."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="quota"
    )
    project = models.OneToOneField(
        "projects.Project", null=True, on_delete=models.CASCADE, related_name="quota"
    )
    gpus = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.gpus} GPUs"


class Usage(models.Model):
    """What a user's jobs of a project held on one day (UTC)."""

    day = models.DateField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    project = models.ForeignKey("projects.Project", null=True, on_delete=models.SET_NULL)
    simulated = models.BooleanField(default=False)
    gpu_seconds = models.FloatField(default=0)  # allocated
    used_seconds = models.FloatField(default=0)  # allocated x utilisation
    core_seconds = models.FloatField(default=0)
    energy_wh = models.FloatField(default=0)
    jobs = models.IntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["day", "user", "project", "simulated"], name="usage_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.user_id} {self.project_id}"


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
