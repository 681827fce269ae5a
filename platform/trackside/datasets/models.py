"""What a project's data looks like. The bytes lie in `TRACKSIDE_STORAGE/datasets/<id>/`."""

from django.conf import settings
from django.db import models

from trackside.projects.models import Project


class DatasetState(models.TextChoices):
    IMPORTING = "importing", "Importing"
    READY = "ready", "Ready"
    FAILED = "failed", "Failed"
    PLANNED = "planned", "Not built yet"  # the output of a recipe that has not run


class Dataset(models.Model):
    """`facts` holds what the intake found: layout, classes, splits, sizes (docs/jobs.md)."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="datasets")
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=8, choices=[("images", "Images"), ("table", "Table")])
    state = models.CharField(max_length=10, choices=DatasetState, default=DatasetState.IMPORTING)
    reason = models.TextField(blank=True)  # why it failed, as a sentence
    rows = models.BigIntegerField(default=0)
    bytes = models.BigIntegerField(default=0)
    fingerprint = models.CharField(max_length=64, blank=True)
    facts = models.JSONField(default=dict)
    folder = models.CharField(max_length=300, blank=True)  # relative to TRACKSIDE_STORAGE
    job = models.ForeignKey("jobs.Job", null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="dataset_name_once")
        ]

    def __str__(self) -> str:
        return self.name


class Picture(models.Model):
    """One image of a dataset; `number` is its place in index.jsonl and names its files."""

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="pictures")
    number = models.IntegerField()
    path = models.CharField(max_length=400)  # as the archive named it: a label, never opened
    file = models.CharField(max_length=80)  # of the intake's own making, relative to the folder
    label = models.CharField(max_length=200, blank=True)
    split = models.CharField(max_length=10, blank=True)  # train, val, test or ""
    width = models.IntegerField()
    height = models.IntegerField()
    bytes = models.IntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["dataset", "number"], name="picture_number_once")
        ]
        indexes = [models.Index(fields=["dataset", "label", "number"])]

    def __str__(self) -> str:
        return self.path


class Problem(models.Model):
    """A file that the intake left out, or kept with a remark, and why."""

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="problems")
    where = models.CharField(max_length=400)
    what = models.CharField(max_length=400)
    number = models.IntegerField(null=True)  # of the picture that one click can keep
    kept = models.BooleanField(default=False)
    can_keep = models.BooleanField(default=False)  # one click includes it

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"
