"""Connections change here. Only administrators call this; the callers have asked."""

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.utils import timezone

from recipes.params import ParamError
from trackside.accounts.models import User
from trackside.accounts.services import audit
from trackside.connections import looking, sealing, settings
from trackside.connections.models import Connection
from trackside.projects.models import Project


@transaction.atomic
def create(user: User, given: dict[str, Any], projects: Iterable[Project] = ()) -> Connection:
    """Raises ParamError: a sentence a field."""
    made = Connection(created_by=user)
    _fill(made, given)
    made.save()
    made.projects.set(projects)
    audit(user, "connection made", _about(made))
    return made


@transaction.atomic
def change(
    connection: Connection,
    user: User,
    given: dict[str, Any],
    projects: Iterable[Project] | None = None,
) -> Connection:
    """`given` replaces the fields that it names; an empty password stays as it is.

    Raises ParamError, also where the password would go elsewhere and was not typed again.
    """
    held = Connection.objects.select_for_update().get(pk=connection.pk)
    _fill(held, given)
    held.save()
    if projects is not None:
        held.projects.set(projects)
    audit(user, "connection changed", _about(held))
    return held


def tried(connection: Connection | None, user: User, given: dict[str, Any]) -> looking.Tested:
    """Whether a connection with these fields would work; nothing is kept. `connection`: the one
    that they would change.

    Raises ParamError as `create` and `change` do. Not in a transaction: it takes up to 10 seconds.
    """
    pk = connection.pk if connection else None
    draft = Connection.objects.get(pk=pk) if pk else Connection()
    _fill(draft, given)
    audit(user, "connection tried", _about(draft))
    return looking.tested(draft)


def _fill(one: Connection, given: dict[str, Any]) -> None:
    """Its fields become what is given, with nothing said of a test. Raises ParamError."""
    values = settings.clean({**shown(one), **given} if one.pk else given)
    password = values.pop("password")
    _check_free(values["name"], one)
    moved = not one.pk or any(values[name] != getattr(one, name) for name in settings.PLACE)
    if moved and one.sealed and not password and values["kind"] != "sqlite":
        raise ParamError(
            {"password": "Type the password again: it goes elsewhere, or by another line."}
        )
    for name, value in values.items():
        setattr(one, name, value)
    if moved or password:
        one.sealed = sealing.seal(password)
    one.tested_at, one.trouble, one.warning = None, "", ""


def shown(connection: Connection) -> dict[str, Any]:
    """Its fields as a form shows them: without the password."""
    names = [one.name for one in settings.FIELDS.fields if one.name != "password"]
    return {name: getattr(connection, name) for name in names}


@transaction.atomic
def delete(connection: Connection, user: User) -> None:
    """What was read by it stays; jobs that wait for it will fail with a sentence."""
    audit(user, "connection deleted", _about(connection))
    connection.delete()


def test(connection: Connection, user: User) -> str:
    """What is wrong with it, "" for nothing; `warning` is kept beside it.

    Not in a transaction: it takes up to 10 seconds.
    """
    found = looking.tested(connection)
    keep(connection, found)
    audit(user, "connection tested", _about(connection))
    return found.trouble


def keep(connection: Connection, found: looking.Tested) -> None:
    """What the test of these very fields found stands beside the connection."""
    rows = Connection.objects.filter(pk=connection.pk)
    rows.update(tested_at=timezone.now(), trouble=found.trouble, warning=found.warning)
    connection.refresh_from_db(fields=["tested_at", "trouble", "warning"])


def _check_free(name: str, one: Connection) -> None:
    if Connection.objects.filter(name__iexact=name).exclude(pk=one.pk).exists():
        raise ParamError({"name": f"There is already a connection called {name!r}."})


def _about(connection: Connection) -> str:
    at = f"{connection.host}/" if connection.host else ""
    return f"{connection.name}: {connection.kind} {at}{connection.database}"
