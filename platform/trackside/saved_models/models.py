"""A model in the Flow: its versions, one of them active."""

from django.conf import settings
from django.db import models

from trackside.projects.models import Project


class SavedModel(models.Model):
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="saved_models")
    name = models.CharField(max_length=80)
    task = models.CharField(max_length=40)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="saved_model_name_once")
        ]

    def __str__(self) -> str:
        return self.name


class Version(models.Model):
    """A bundle that was deployed or retrained. At most one version of a saved model is active."""

    saved_model = models.ForeignKey(SavedModel, on_delete=models.CASCADE, related_name="versions")
    number = models.IntegerField()
    active = models.BooleanField(default=False)
    activated_at = models.DateTimeField(null=True)  # when it last became the active one
    trained_model = models.ForeignKey(
        "lab.TrainedModel", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    job = models.ForeignKey("jobs.Job", null=True, on_delete=models.SET_NULL, related_name="+")
    bundle = models.CharField(max_length=300)  # relative to TRACKSIDE_STORAGE
    metrics = models.JSONField(default=dict)
    metric = models.CharField(max_length=40)
    facts = models.JSONField(default=dict)  # device, precision, versions, time, energy
    parity = models.JSONField(default=list)  # the newest report a scoring engine and device
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["saved_model", "number"], name="version_number_once"),
            models.UniqueConstraint(
                fields=["saved_model"], condition=models.Q(active=True), name="one_active_version"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.saved_model} v{self.number}"


class EvaluationStore(models.Model):
    """What evaluations of a saved model found, as time goes by."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="evaluation_stores")
    name = models.CharField(max_length=80)
    saved_model = models.ForeignKey(
        SavedModel, on_delete=models.CASCADE, related_name="evaluation_stores"
    )
    given = models.IntegerField(default=0)  # the highest number that any evaluation had
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="evaluation_store_name_once")
        ]

    def __str__(self) -> str:
        return self.name


class Evaluation(models.Model):
    """How good a version was on a dataset, and what had moved; `folder` has all of it."""

    store = models.ForeignKey(EvaluationStore, on_delete=models.CASCADE, related_name="evaluations")
    number = models.IntegerField()
    version = models.ForeignKey(
        Version, null=True, on_delete=models.SET_NULL, related_name="evaluations"
    )
    version_number = models.IntegerField()
    recipe = models.CharField(max_length=80, blank=True)  # its name then, as the dataset's
    dataset = models.CharField(max_length=80)
    fingerprint = models.CharField(max_length=64, blank=True)
    job = models.ForeignKey("jobs.Job", null=True, on_delete=models.SET_NULL, related_name="+")
    folder = models.CharField(max_length=300)  # relative to TRACKSIDE_STORAGE
    metric = models.CharField(max_length=40)
    metrics = models.JSONField(default=dict)
    threshold = models.FloatField(null=True)  # of two classes
    trained = models.JSONField(default=dict)  # the metrics that the version had in its training
    judged = models.BigIntegerField(default=0)
    of = models.BigIntegerField(default=0)  # rows or pictures of the dataset
    left_out = models.JSONField(default=list)  # [{"why","rows"}]
    drift = models.JSONField(default=dict)  # the summary: what moved, how much
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["store", "number"], name="evaluation_number_once")
        ]

    def __str__(self) -> str:
        return f"{self.store} {self.number}"
