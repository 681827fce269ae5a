"""The boxes between a project's datasets and saved models."""

from django.conf import settings as site
from django.db import models

from trackside.datasets.models import Dataset
from trackside.jobs.models import Job
from trackside.lab.models import Analysis
from trackside.projects.models import Project
from trackside.saved_models.models import EvaluationStore, SavedModel, Version


class Recipe(models.Model):
    """train: dataset -> saved model. score: dataset + saved model -> dataset.

    evaluate: dataset + saved model -> store and, if asked for, the judged rows as a dataset and
    the store's history as another, `metrics`.

    `compute` is remembered from run to run.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="recipes")
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=12)
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="read_by")
    saved_model = models.ForeignKey(SavedModel, on_delete=models.CASCADE, related_name="recipes")
    output = models.ForeignKey(
        Dataset, null=True, on_delete=models.SET_NULL, related_name="written_by"
    )
    store = models.ForeignKey(
        EvaluationStore, null=True, on_delete=models.SET_NULL, related_name="written_by"
    )
    metrics = models.ForeignKey(
        Dataset, null=True, on_delete=models.SET_NULL, related_name="measured_by"
    )
    analysis = models.ForeignKey(
        Analysis, null=True, on_delete=models.SET_NULL, related_name="recipes"
    )
    settings = models.JSONField(
        default=dict
    )  # train: {"design","algorithm","params"}; score: {"batch"}
    compute = models.JSONField(default=dict)
    activate = models.BooleanField(default=True)  # a retrained version becomes the active one
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(site.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="recipe_name_once")]

    def __str__(self) -> str:
        return self.name


class Run(models.Model):
    """Which job ran which recipe. `version` is the one a scoring used or a training made."""

    recipe = models.ForeignKey(Recipe, on_delete=models.CASCADE, related_name="runs")
    job = models.OneToOneField(Job, on_delete=models.CASCADE, related_name="recipe_run")
    version = models.ForeignKey(
        Version, null=True, on_delete=models.SET_NULL, related_name="recipe_runs"
    )
    activate = models.BooleanField(null=True)  # this time only; null: as its recipe says at the end

    def __str__(self) -> str:
        return f"{self.recipe} as {self.job}"
