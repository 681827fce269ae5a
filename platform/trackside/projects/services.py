"""Projects and their members: who may do what."""

import re
import shutil
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import ProtectedError

from trackside.accounts.models import User
from trackside.accounts.services import audit
from trackside.projects.models import Member, Project, Role

LIVE = ("queued", "starting", "running", "stopping")
KEY = re.compile(r"^[A-Z][A-Z0-9_]{1,39}$")


class Refused(Exception):
    """Not done; the message says why and goes to the person."""


def check_key(key: str) -> str:
    """The key, or ValidationError with a sentence."""
    if not KEY.fullmatch(key):
        raise ValidationError(
            "A key has 2 to 40 characters: upper case letters, digits and underscores, "
            f"a letter first; {key[:60]!r} is none."
        )
    if Project.objects.filter(key=key).exists():
        raise ValidationError(f"The key {key} is taken. Choose another.")
    return key


def key_from(name: str) -> str:
    """A key to suggest for `name` that is still free."""
    letters = re.sub(r"[^A-Z0-9]+", "_", name.upper()).strip("_")[:30]
    stem = letters if KEY.match(letters) else f"P_{letters}".rstrip("_") if letters else "PROJECT"
    taken = set(Project.objects.filter(key__startswith=stem).values_list("key", flat=True))
    numbered = (f"{stem}_{number}" for number in range(2, 1000))
    return next(key for key in (stem, *numbered) if key not in taken)


@transaction.atomic
def create_project(user: User, *, key: str, name: str, description: str = "") -> Project:
    """A new project with its maker as owner. Raises ValidationError for a wrong or taken key."""
    try:
        check_key(key)
    except ValidationError as wrong:
        raise ValidationError({"key": wrong.messages}) from None
    project = Project.objects.create(key=key, name=name, description=description, created_by=user)
    Member.objects.create(project=project, user=user, role=Role.OWNER)
    audit(user, "project made", key)
    return project


@transaction.atomic
def set_member(project: Project, username: str, role: Role, by: User) -> Member:
    """Add a person or change their role. The last owner stays owner."""
    user = User.objects.filter(username__iexact=username.strip(), is_active=True).first()
    if user is None:
        raise Refused(f"Nobody here has the user name {username!r}.")
    if role != Role.OWNER:
        _keep_an_owner(project, user)
    member, _ = Member.objects.update_or_create(project=project, user=user, defaults={"role": role})
    audit(by, "member set", f"{user.username} is {role} of {project.key}")
    return member


@transaction.atomic
def remove_member(project: Project, user: User, by: User) -> None:
    _keep_an_owner(project, user)
    Member.objects.filter(project=project, user=user).delete()
    audit(by, "member removed", f"{user.username} from {project.key}")


def _keep_an_owner(project: Project, without: User) -> None:
    owners = Member.objects.select_for_update().filter(project=project, role=Role.OWNER)
    if not owners.exclude(user=without).exists() and owners.filter(user=without).exists():
        raise Refused(f"{without} is the only owner. Make somebody else an owner first.")


@transaction.atomic
def delete_project(project: Project, by: User) -> None:
    """With all that is in it and its files. Raises Refused while one of its jobs is at work."""
    rows: Any = project  # the apps that point here stand above this one
    live = rows.jobs.filter(state__in=LIVE).first()
    if live is not None:
        raise Refused(f"{project.name} has a job at work: {live.title}. Cancel it first.")
    folders = [f"datasets/{pk}" for pk in rows.datasets.values_list("pk", flat=True)]
    for pk in rows.jobs.values_list("pk", flat=True):
        folders += [f"jobs/{pk}", f"models/job-{pk}", f"evaluations/job-{pk}"]
    audit(by, "project deleted", f"{project.key} ({project.name})")
    try:
        rows.recipes.all().delete()
        rows.analyses.all().delete()
        project.delete()
    except ProtectedError as held:
        kinds = sorted({str(one._meta.verbose_name_plural) for one in held.protected_objects})
        raise Refused(
            f"{project.name} cannot be deleted yet: its {', '.join(kinds)} are still in use."
        ) from None
    transaction.on_commit(lambda: _drop(folders), robust=True)


def _drop(folders: list[str]) -> None:
    for folder in folders:
        shutil.rmtree(Path(settings.TRACKSIDE_STORAGE) / folder, ignore_errors=True)
