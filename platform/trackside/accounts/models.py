"""Who signs in, with which tokens, and what was done by whom."""

from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """A person. `is_staff` is an administrator of this Trackside: sees all nodes, makes users."""

    display_name = models.CharField(max_length=80, blank=True)
    theme = models.CharField(max_length=8, blank=True)  # "", light, dark

    def __str__(self) -> str:
        return self.display_name or self.username


class ApiToken(models.Model):
    """Only the SHA-256 of a 256-bit random token is kept; the prefix lets a leak be recognised."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=12)
    sha256 = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.prefix}… of {self.user}"


class AuditEntry(models.Model):
    """One security-relevant act: sign-in, token made, member added, download, deletion."""

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    user = models.ForeignKey(User, null=True, on_delete=models.SET_NULL)
    act = models.CharField(max_length=40)
    about = models.CharField(max_length=200)
    address = models.CharField(max_length=45, blank=True)

    def __str__(self) -> str:
        return f"{self.act} {self.about}"


class SignInTries(models.Model):
    """Wrong passwords for one name or from one address (`throttle.py`)."""

    key = models.CharField(max_length=64, unique=True)
    failures = models.IntegerField(default=0)
    last_at = models.DateTimeField(db_index=True)
    until = models.DateTimeField(null=True)  # no try counts before

    def __str__(self) -> str:
        return f"{self.failures} of {self.key}"
