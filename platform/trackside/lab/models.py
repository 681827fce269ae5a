"""Where models are designed and compared."""

from django.conf import settings
from django.db import models

from trackside.datasets.models import Dataset
from trackside.jobs.models import Job
from trackside.projects.models import Project


class Analysis(models.Model):
    """`design` is the whole form, as REST shows it; each part is cleaned by its card."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="analyses")
    name = models.CharField(max_length=80)
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="analyses")
    task = models.CharField(max_length=40)
    target = models.CharField(max_length=400)  # label, or a column's name
    design = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)

    class Meta:
        verbose_name_plural = "analyses"
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="analysis_name_once")
        ]

    def __str__(self) -> str:
        return self.name


class Session(models.Model):
    """One click on Train."""

    analysis = models.ForeignKey(Analysis, on_delete=models.CASCADE, related_name="sessions")
    number = models.IntegerField()
    name = models.CharField(max_length=80)
    design = models.JSONField()  # as it was at the click
    compute = models.JSONField()
    click_id = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["analysis", "number"], name="session_number_once"),
            models.UniqueConstraint(
                fields=["created_by", "click_id"], name="one_session_per_click"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class TrainedModel(models.Model):
    """One model of a session, from the click on: its state is its job's.

    `bundle` is empty until the job has published it.
    """

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="models")
    job = models.OneToOneField(
        Job, null=True, on_delete=models.SET_NULL, related_name="trained_model"
    )
    algorithm = models.CharField(max_length=40)
    label = models.CharField(max_length=120)
    params = models.JSONField()
    metric = models.CharField(max_length=40)
    score = models.FloatField(null=True)  # the chosen metric on the validation images
    metrics = models.JSONField(default=dict)
    facts = models.JSONField(default=dict)  # device, precision, versions, seconds, energy, size
    bundle = models.CharField(max_length=300, blank=True)  # relative to TRACKSIDE_STORAGE
    threshold = models.FloatField(null=True)  # kept in place of the model's own (two classes)
    # as it was asked for (docs/jobs.md) and, once it is over, what came of it; {}: none
    search = models.JSONField(default=dict)
    starred = models.BooleanField(default=False)
    published_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.label
