"""What administrators do to machines and devices: out of service and back.

Each call leaves a line in the audit log. Whoever calls `undrain` or `mend_gpu` asks the scheduler
for a pass afterwards: `jobs/views_queue.py` does.
"""

from django.core.exceptions import PermissionDenied
from django.db import transaction

from trackside.accounts.models import User
from trackside.accounts.services import audit
from trackside.compute.models import Gpu, Node, NodeState

NOTE = Gpu._meta.get_field("broken").max_length or 200


class NotAdministrator(PermissionDenied):
    """A sentence for who may not do this."""


def must_administer(user: User, what: str) -> None:
    """Raises NotAdministrator; `what` is the end of the sentence."""
    if not user.is_staff:
        raise NotAdministrator(f"Only an administrator may {what}.")


@transaction.atomic
def drain(node: Node, user: User, note: str = "") -> None:
    """No new jobs on this node; those that run go on. Raises NotAdministrator."""
    must_administer(user, f"drain {node.name}")
    words = f"{user}: {note.strip()}" if note.strip() else str(user)
    rows = Node.objects.filter(pk=node.pk)
    rows.update(draining=True, drain_note=words[:NOTE])
    rows.filter(state=NodeState.ONLINE).update(state=NodeState.DRAINING)
    audit(user, "node drained", f"{node.name} {note.strip()}".strip())
    node.refresh_from_db()


@transaction.atomic
def undrain(node: Node, user: User) -> None:
    """The node takes jobs again. Raises NotAdministrator."""
    must_administer(user, f"bring {node.name} back")
    rows = Node.objects.filter(pk=node.pk)
    rows.update(draining=False, drain_note="")
    rows.filter(state=NodeState.DRAINING).update(state=NodeState.ONLINE)
    audit(user, "node undrained", node.name)
    node.refresh_from_db()


def break_gpu(uuid: str, sentence: str) -> bool:
    """Out of service until somebody mends it or its machine is restarted; the first word stays.

    True when it was in service before.
    """
    rows = Gpu.objects.filter(pk=uuid, broken="")
    return bool(rows.update(broken=sentence[:NOTE] or "It has failed."))


@transaction.atomic
def mend_gpu(uuid: str, user: User) -> bool:
    """Back in service; its next sample may find that it is broken still. False: it was not broken.

    A card that is not in the machine any more leaves the fleet. Raises NotAdministrator.
    """
    must_administer(user, "put a GPU back in service")
    mended = Gpu.objects.filter(pk=uuid).exclude(broken="").update(broken="", health_note="")
    if mended:
        audit(user, "GPU back in service", uuid)
    return bool(mended)
