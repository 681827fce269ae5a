"""Who sets quotas: administrators. What they mean stands in quotas.py."""

from django.db import transaction

from trackside.accounts.models import User
from trackside.accounts.services import audit
from trackside.compute.draining import must_administer
from trackside.compute.models import Quota
from trackside.projects.models import Project

MOST = 100_000


class BadQuota(Exception):
    """A sentence for who wrote it."""


@transaction.atomic
def set_quota(
    by: User, gpus: int | None, *, user: User | None = None, project: Project | None = None
) -> None:
    """The most GPUs at once of a user or a project, of everybody when neither is given.

    None takes the limit away. Raises NotAdministrator, BadQuota.
    """
    must_administer(by, "change quotas")
    if user is not None and project is not None:
        raise BadQuota("A quota is for a user or for a project, not for both.")
    if gpus is not None and not 0 <= gpus <= MOST:
        raise BadQuota(f"A quota must lie between 0 and {MOST} GPUs, not {gpus}.")
    rows = Quota.objects.filter(user=user, project=project)
    whom = str(user or (project and project.key) or "everybody")
    if gpus is None:
        rows.delete()
        audit(by, "quota removed", whom)
        return
    if not rows.update(gpus=gpus):
        Quota.objects.create(user=user, project=project, gpus=gpus)
    audit(by, "quota set", f"{whom}: {gpus} GPUs")
