"""Who may use which connection, and the way to its database: the only door to a password."""

from pathlib import Path
from typing import Any

from django.db.models import Q, QuerySet
from django.http import Http404

from trackside.connections import sealing, settings
from trackside.connections.models import Connection
from trackside.jobs.models import Job
from trackside.projects.models import Project


class NoAccess(Exception):
    """A job cannot reach its database: a sentence without a secret."""


def usable(project: Project) -> QuerySet[Connection]:
    """The connections that this project may use, by name."""
    rows = Connection.objects.filter(Q(everywhere=True) | Q(projects=project))
    return rows.distinct().order_by("name")


def connection_for(project: Project, name: str) -> Connection:
    """Raises Http404, also where there is one that is not for this project."""
    found = usable(project).filter(name=name).first()
    if found is None:
        raise Http404("There is no such connection.")
    return found


def way(connection: Connection) -> dict[str, Any]:
    """Host, user, password ... (docs/jobs.md, "A database"). Raises NoAccess."""
    database = connection.database
    if connection.kind == "sqlite":
        database = str(Path(database).resolve())  # what opens it follows no link
        if no := settings.no_file_of_ours(database):
            raise NoAccess(no)
    try:
        password = sealing.unseal(connection.sealed)
    except sealing.Unsealed:
        raise NoAccess(
            f"The password of {connection.name} was kept with another SECRET_KEY than this "
            "machine has. An administrator must type it again, or give all nodes the same key."
        ) from None
    return {
        "kind": connection.kind,
        "host": connection.host,
        "port": connection.port,
        "database": database,
        "user": connection.user,
        "password": password,
        "ssl": connection.ssl,
        "writable": connection.writable,
        "called": connection.name,  # sentences for who is no administrator say no host
        "apart": settings.own_places(),
    }


def for_job(job: Job) -> dict[str, Any] | None:
    """The way to the database that the job's spec names; None where it names none.

    Raises NoAccess, for good: the same attempt again would hear the same.
    """
    source = None if job.spec.get("archive") else job.spec.get("source")
    output = job.spec.get("output")
    writes = isinstance(output, dict) and output.get("kind") == "sql"
    named = output if writes else source
    if not isinstance(named, dict) or "connection" not in named:
        return None
    found = usable(job.project).filter(pk=int(named["connection"])).first()
    name = str(named.get("name") or "The connection")
    if found is None:
        raise NoAccess(f"{name} is gone, or this project may not use it any more.")
    if writes and not found.writable:
        raise NoAccess(f"{found.name} is for reading only. An administrator can change that.")
    if found.schema and "table" in named and named.get("schema") != found.schema:
        raise NoAccess(f"{found.name} offers tables of the schema {found.schema!r} alone.")
    return way(found)
