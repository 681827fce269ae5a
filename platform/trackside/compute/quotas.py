"""The most GPUs that a user and a project may hold at once: read, and guarded while one is given.

A GPU counts for one, shared or not. A user without a row of their own has the row for everybody.
"""

from collections.abc import Collection

from django.db.models import Count, Q, QuerySet

from trackside.accounts.models import User
from trackside.compute.models import Lease, NodeState, Quota
from trackside.compute.placement import Allowance, Limits
from trackside.projects.models import Project

Key = tuple[str, int | None]


def limits(users: Collection[int | None], projects: Collection[int | None]) -> Limits:
    """What these may have and what they hold; nothing of who has no quota."""
    rows = list(Quota.objects.all())
    if not rows:
        return {}
    most = _most(rows, users, projects)
    names = _names(most)
    found: dict[Key, Allowance] = {
        key: Allowance(who=names[key], most=gpus) for key, gpus in most.items() if key in names
    }
    for key, number in _held(found).items():
        found[key].held = number
    return found


def _most(
    rows: list[Quota], users: Collection[int | None], projects: Collection[int | None]
) -> dict[Key, int]:
    most: dict[Key, int] = {}
    for row in rows:
        if row.user_id is None and row.project_id is None:
            most |= {("user", user): row.gpus for user in users if user is not None}
    for row in rows:
        if row.user_id is not None:
            most["user", row.user_id] = row.gpus
        elif row.project_id is not None:
            most["project", row.project_id] = row.gpus
    wanted = {("user", one) for one in users} | {("project", one) for one in projects}
    return {key: gpus for key, gpus in most.items() if key in wanted}


def _names(keys: Collection[Key]) -> dict[Key, str]:
    users = User.objects.filter(pk__in=[pk for sort, pk in keys if sort == "user"])
    projects = Project.objects.filter(pk__in=[pk for sort, pk in keys if sort == "project"])
    named: dict[Key, str] = {("user", one.pk): str(one) for one in users}
    return named | {("project", one.pk): f"project {one.key}" for one in projects}


def _held(keys: Collection[Key]) -> dict[Key, int]:
    """Distinct GPUs, by user and by project.

    What is quarantined still counts, but not on a machine that is lost: it may never come back.
    """
    found: dict[Key, int] = {}
    for sort, column in (("user", "created_by_id"), ("project", "project_id")):
        wanted = [pk for one, pk in keys if one == sort]
        if not wanted:
            continue
        path = f"attempt__job__{column}"
        leases = Lease.objects.filter(gpu__isnull=False, **{f"{path}__in": wanted})
        leases = leases.exclude(quarantined=True, node__state=NodeState.LOST)
        counted = leases.values(path).annotate(gpus=Count("gpu", distinct=True))
        found |= {(sort, row[path]): row["gpus"] for row in counted}
    return found


def lock(user: int | None, project: int | None) -> bool:
    """Hold the rows that limit these until the commit: nobody else counts at the same time.

    False when no row does.
    """
    rows = Quota.objects.select_for_update(no_key=True).filter(_rows(user, project)).order_by("pk")
    return bool(list(rows.values_list("pk", flat=True)))


def _rows(user: int | None, project: int | None) -> Q:
    everybody = Q(user=None, project=None)
    return (
        Q(user_id=user, user__isnull=False)
        | Q(project_id=project, project__isnull=False)
        | everybody
    )


def all_rows() -> QuerySet[Quota]:
    """For the administrators' page: everybody's first."""
    return Quota.objects.select_related("user", "project").order_by(
        "project__key", "user__username"
    )
