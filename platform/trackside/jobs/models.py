"""Jobs, their attempts and their history. Only `jobs/services.py` writes here."""

from django.conf import settings
from django.db import models

from trackside.compute.models import Node
from trackside.jobs.states import ATTEMPT_OVER, AttemptState, JobState
from trackside.projects.models import Project


class Job(models.Model):
    """What a person asked for. `spec` is frozen at submit; `reason` is a sentence."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="jobs")
    kind = models.CharField(max_length=12)
    title = models.CharField(max_length=200)
    spec = models.JSONField()
    compute = models.JSONField()  # interfaces: {"kind":"cpu"|"gpus"|"any",...}
    seed = models.IntegerField(default=1337)
    state = models.CharField(
        max_length=12, choices=JobState.choices, default=JobState.QUEUED, db_index=True
    )
    reason = models.TextField(blank=True)
    # "", finish_early, cancel; pause, move, preempt, drain: checkpoint, end, back to the queue
    stop = models.CharField(max_length=12, blank=True)
    stopped_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    priority = models.IntegerField(default=0)
    turn = models.FloatField(null=True)  # place among equals when somebody moved it; else its id
    waits_since = models.DateTimeField(null=True)  # for its turn; else it waits since created_at
    paused = models.BooleanField(default=False)  # queued, but not to be placed until it is resumed
    paused_at = models.DateTimeField(null=True)  # until it is resumed: no waiting meanwhile
    preemptible = models.BooleanField(default=False)  # may be ended and resumed for others
    max_seconds = models.IntegerField(null=True)  # of running time, all attempts together
    click_id = models.CharField(max_length=64)
    fence = models.IntegerField(
        default=0
    )  # rises with each claim; a stale writer's number is lower
    event_seq = models.IntegerField(default=0)
    progress = models.JSONField(default=dict)  # {"done","of","unit","eta","share","before"}
    metrics = models.JSONField(default=dict)
    result = models.JSONField(default=dict)  # the `finished` event
    needs = models.JSONField(default=dict)  # compute/fit.py's estimate at submit
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["created_by", "click_id"], name="one_job_per_click")
        ]
        indexes = [models.Index(fields=["project", "-id"])]

    def __str__(self) -> str:
        return f"job {self.pk}"


class Attempt(models.Model):
    """One try. Every later write names (job, fence); a write with an old fence touches no row."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="attempts")
    number = models.IntegerField()
    fence = models.IntegerField(default=0)
    node = models.ForeignKey(Node, on_delete=models.PROTECT, related_name="attempts")
    state = models.CharField(
        max_length=12, choices=AttemptState.choices, default=AttemptState.ASSIGNED
    )
    compute = models.JSONField()  # recipes.job.Compute as a dict: devices and cores already decided
    folder = models.CharField(max_length=300, blank=True)  # relative to TRACKSIDE_STORAGE
    lease_until = models.DateTimeField(null=True)
    assigned_at = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True)
    first_step_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    pid = models.IntegerField(null=True)
    journal_offset = models.BigIntegerField(default=0)  # bytes of events.jsonl already recorded
    reason = models.TextField(blank=True)
    exit = models.CharField(max_length=40, blank=True)
    cause = models.CharField(max_length=20, blank=True)  # jobs/retries.py: what the reason is about
    step = models.IntegerField(null=True)  # the last one its ranks had begun when it ended
    address = models.CharField(max_length=80, blank=True)  # several nodes: where rank 0 listens
    launch = models.CharField(max_length=10, blank=True)  # warm, cold

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["job", "number"], name="attempt_number_once"),
            models.UniqueConstraint(
                fields=["job"],
                condition=~models.Q(state__in=sorted(state.value for state in ATTEMPT_OVER)),
                name="one_live_attempt_per_job",
            ),
        ]

    def __str__(self) -> str:
        return f"attempt {self.number} of job {self.job_id}"


class Follower(models.Model):
    """The part of an attempt on a node that is not its first; the attempt's own row is the first.

    All are claimed and ready before any rank starts, and all end together.
    """

    ASSIGNED, READY, GOING, ENDING, OVER = "assigned", "ready", "going", "ending", "over"

    attempt = models.ForeignKey(Attempt, on_delete=models.CASCADE, related_name="followers")
    node = models.ForeignKey(Node, on_delete=models.PROTECT, related_name="followers")
    position = models.IntegerField()  # 1, 2, ...; position 0 is the attempt's own node
    first_rank = models.IntegerField()
    compute = models.JSONField()  # as Attempt.compute, of this node
    state = models.CharField(max_length=10, default=ASSIGNED)
    pid = models.IntegerField(null=True)
    seen_at = models.DateTimeField(null=True)
    ready_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    exit = models.CharField(max_length=40, blank=True)
    reason = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["attempt", "position"], name="follower_position_once")
        ]

    def __str__(self) -> str:
        return f"part {self.position} of attempt {self.attempt_id}"


class Checkpoint(models.Model):
    """A whole checkpoint that its attempt was entitled to write: the row commits it."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="checkpoints")
    fence = models.IntegerField()
    epoch = models.IntegerField()
    step = models.IntegerField(default=0)  # steps done of the epoch that follows; 0: between epochs
    path = models.CharField(max_length=300)  # relative to TRACKSIDE_STORAGE
    sha256 = models.CharField(max_length=64)  # of its manifest
    bytes = models.BigIntegerField(default=0)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "path"], name="checkpoint_path_once")]

    def __str__(self) -> str:
        return self.path


class Leader(models.Model):
    """Who leads among processes of a sort, such as schedulers: the row with time left."""

    name = models.CharField(max_length=20, primary_key=True)
    holder = models.CharField(max_length=120)
    until = models.DateTimeField()
    term = models.IntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name}: {self.holder}"


class Event(models.Model):
    """The story of a job, append-only; `seq` counts within the job and is its live stream's id."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="events")
    seq = models.IntegerField()
    at = models.DateTimeField()
    type = models.CharField(max_length=12)
    data = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "seq"], name="event_seq_once")]

    def __str__(self) -> str:
        return f"{self.type} {self.seq} of job {self.job_id}"


class IdempotentAnswer(models.Model):
    """What a POST with an Idempotency-Key answered, so that a repeat answers the same."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    key = models.CharField(max_length=100)
    request_sha256 = models.CharField(max_length=64)
    status = models.IntegerField()
    body = models.JSONField()
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="idempotency_key_once")]

    def __str__(self) -> str:
        return self.key
