"""Who may be how urgent: everybody may step back, only administrators lift a job above others."""

from trackside.accounts.models import User
from trackside.compute.requests import PRIORITY, BadCompute


def administers(user: User | None) -> bool:
    """Whether the person looks after the queue for everybody."""
    return user is not None and (user.is_staff or user.is_superuser)


def most_urgent(user: User | None) -> int:
    """The highest priority that a person may give: above 0 everybody else would be passed."""
    return PRIORITY if administers(user) else 0


def must_allow(priority: int, user: User | None) -> None:
    """Raises BadCompute for a priority that only an administrator gives."""
    if priority > most_urgent(user):
        raise BadCompute(
            "compute.priority",
            f"A priority above 0 passes everybody else's jobs: only an administrator may give "
            f"{priority}. Yours may be from {-PRIORITY} to 0.",
            "priority_too_high",
        )
