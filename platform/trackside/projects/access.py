"""The only way to a project's rows. To outsiders everything looks absent."""

from typing import Any, TypeVar

from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model, QuerySet
from django.http import Http404

from trackside.projects.models import Member, Project, Role

Row = TypeVar("Row", bound=Model)
RANK = {Role.READER: 0, Role.EDITOR: 1, Role.OWNER: 2}


class TooWeak(PermissionDenied):
    """A member whose role does not allow this; the message is shown to them."""

    def __init__(self, project: Project, has: Role, needs: Role) -> None:
        self.has, self.needs = has, needs
        super().__init__(
            f"You are {_a(has)} of {project.name}; this needs {_a(needs)}. "
            "An owner of the project can change your role in its settings."
        )


def _number(user: Any) -> int:
    """The person's id; 0, which nobody has, for who is not signed in."""
    return getattr(user, "pk", None) or 0


def _a(role: Role) -> str:
    return f"{'a' if role == Role.READER else 'an'} {role.label.lower()}"


def project_for(user: Any, key: str, role: Role = Role.READER) -> Project:
    """The project, for a member of at least `role`. Raises Http404 for outsiders, else TooWeak."""
    member = (
        Member.objects.select_related("project")
        .filter(user_id=_number(user), project__key=key)
        .first()
    )
    if member is None:
        raise Http404("There is no such project.")
    has = Role(member.role)
    if RANK[has] < RANK[role]:
        raise TooWeak(member.project, has, role)
    member.project.my_role = has  # type: ignore[attr-defined]
    return member.project


def role_of(user: Any, project: Project) -> Role | None:
    """The role of `user` in `project`, None for outsiders."""
    member = Member.objects.filter(user_id=_number(user), project=project).first()
    return Role(member.role) if member else None


def can(user: Any, project: Project, role: Role) -> bool:
    """Whether `user` has at least `role`: what a template asks before it shows a control."""
    has = role_of(user, project)
    return has is not None and RANK[has] >= RANK[role]


def may_edit(project: Project) -> bool:
    """Whether the person for whom `project_for` found it may change things in it."""
    return RANK[project.my_role] >= RANK[Role.EDITOR]  # type: ignore[attr-defined]


def projects_of(user: Any) -> QuerySet[Project]:
    """The projects that `user` is a member of, by name."""
    return Project.objects.filter(members__user_id=_number(user)).order_by("name")


def row(project: Project, model: type[Row], *, through: str = "project", **by: Any) -> Row:
    """One row of `project`; Http404 when it is not there or belongs to another project.

    `through` is the path from the model to its project, such as `analysis__project`.
    """
    try:
        return model._default_manager.get(**{through: project}, **by)
    except (model.DoesNotExist, ValueError, OverflowError, ValidationError):  # type: ignore[attr-defined]
        what, name = model._meta.verbose_name, by.get("name")
        said = f"There is no {what} {name[:80]!r} here." if isinstance(name, str) else ""
        raise Http404(said or f"There is no such {what}.") from None
