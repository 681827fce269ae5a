"""How a database is reached, and who may use it. Administrators make connections."""

from django.conf import settings
from django.db import models

from trackside.projects.models import Project


class Connection(models.Model):
    """`sealed` is the password as `sealing.py` seals it: it is opened for the way to the database
    alone, and shown nowhere.

    `database` of SQLite is the absolute path of its file. `schema` "" offers all of them.
    """

    name = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=12)  # a key of settings.KINDS
    host = models.CharField(max_length=255, blank=True)
    port = models.PositiveIntegerField(default=0)  # 0: the usual one
    database = models.CharField(max_length=500)
    user = models.CharField(max_length=128, blank=True)
    sealed = models.TextField(blank=True)
    ssl = models.CharField(max_length=8, default="prefer")
    schema = models.CharField(max_length=128, blank=True)
    writable = models.BooleanField(default=False)
    everywhere = models.BooleanField(default=False)  # all projects may use it
    projects = models.ManyToManyField(Project, related_name="connections", blank=True)
    tested_at = models.DateTimeField(null=True)
    trouble = models.TextField(blank=True)  # what the last test said against it
    warning = models.TextField(blank=True)  # that its user may too much
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )

    def __str__(self) -> str:
        return self.name
