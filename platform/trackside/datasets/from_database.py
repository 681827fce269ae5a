"""A dataset that is read from a database: begun, and read again. docs/jobs.md, "A database"."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from trackside.accounts.models import User
from trackside.accounts.services import audit
from trackside.compute import room
from trackside.connections import looking
from trackside.connections.access import connection_for
from trackside.datasets import corrections, holding, reading, services
from trackside.datasets.models import Dataset
from trackside.datasets.trouble import BadDataset, Refused
from trackside.jobs import services as jobs
from trackside.jobs.models import Job
from trackside.projects.models import Project
from trackside.ui.words import plural

Source = dict[str, Any]  # of a job's spec
NAMED = ("connection", "name", "schema", "table", "query")


def checked(project: Project, wish: Mapping[str, Any]) -> Source:
    """What `wish` names: `{"connection", "schema", "table"}` or `{"connection", "query"}`.

    Asks the database, so never in a transaction. Raises Http404, and BadDataset.
    """
    connection = connection_for(project, str(wish.get("connection") or ""))
    query, table = wish.get("query"), wish.get("table")
    if bool(query) == bool(table):
        raise BadDataset("table", "Choose a table, or write a query: one of both.")
    try:
        return looking.checked(connection, wish)
    except looking.NoLook as no:
        raise BadDataset("query" if query else "table", str(no)) from None


def begin(
    project: Project,
    user: User,
    name: str,
    source: Source,
    types: Mapping[str, Any] | None = None,
    click_id: str | None = None,
) -> Dataset:
    """A new dataset, whose import is submitted. Raises BadDataset."""
    if click_id and (before := services.clicked(user, click_id)):
        return before
    given = reading.check_types(types or {})
    if not name and "query" in source:
        raise BadDataset("name", "Name the dataset: a query has no name to take.")
    name = services.check_name(project, name or services.name_from(source.get("table", "")))
    if sentence := room.missing():
        raise BadDataset("name", sentence, code="no_room", status=507)
    try:
        return _begin(project, user, name, _about(name, source, given), click_id)
    except IntegrityError:
        raise BadDataset(
            "name", f"There is already a dataset called {name!r}.", code="name_taken", status=409
        ) from None


def _about(
    name: str, source: Source, types: reading.Types, read: reading.Read | None = None
) -> dict[str, Any]:
    """The import's spec."""
    named = source.get("table") or f"the query of {name}"
    limits = {"bytes": settings.UPLOAD_MAX_BYTES, "free": settings.STORAGE_FLOOR}
    spec = {"source": source, "name": named, "kind": "table", "types": types, "limits": limits}
    return {**spec, "read": read} if read else spec


@transaction.atomic
def _begin(
    project: Project, user: User, name: str, spec: dict[str, Any], click_id: str | None
) -> Dataset:
    dataset = Dataset.objects.create(project=project, name=name, kind="table", created_by=user)
    dataset.job = jobs.submit(
        project=project,
        user=user,
        kind="import",
        title=f"Import {name} from {spec['source']['name']}",
        spec=spec,
        compute=services.import_on(spec),
        click_id=click_id,
    )
    dataset.save(update_fields=["job"])
    _audited(user, dataset, spec["source"])
    return dataset


def read_again(dataset: Dataset, user: User) -> Job:
    """What the table or query gives now, with the types that were said. Raises Refused.

    Until the import ends well the dataset is as it was.
    """
    source = source_of(dataset)
    if source is None:
        raise Refused(f"{dataset.name} was not read from a database.")
    if sentence := room.missing():
        raise Refused(sentence)
    with transaction.atomic():
        held = holding.held(dataset)
        corrections.check(held)
        spec = _about(held.name, source, corrections.given(held), held.facts.get("read"))
        _audited(user, held, source)
        return services.import_again(held, user, f"Read {held.name} again", spec)


def mark(dataset: Dataset) -> str:
    """What a table is before it is read again, to be told from what it is then."""
    return f"{dataset.rows}-{dataset.fingerprint}"


def since(dataset: Dataset, before: str) -> str:
    """What reading again has changed, as a sentence; "" where `before` is no `mark`."""
    rows, dash, fingerprint = before.partition("-")
    if not (dash and rows.isascii() and rows.isdigit() and len(rows) < 16):
        return ""
    now = plural(dataset.rows, "row")
    if dataset.fingerprint == fingerprint:
        return f"{now}, exactly as before."
    if dataset.rows == int(rows):
        return f"{now} as before, but they are not the same."
    return f"{now}, {int(rows):,} before."


def source_of(dataset: Dataset) -> Source | None:
    """Where its rows come from; None for what was uploaded or written by a recipe."""
    spec = dataset.job.spec if dataset.job else {}
    found = dataset.facts.get("source") or spec.get("source")
    if not isinstance(found, dict):
        return None
    return {name: found[name] for name in NAMED if name in found}


def _audited(user: User, dataset: Dataset, source: Source) -> None:
    what = source.get("query") or ".".join(filter(None, (source["schema"], source["table"])))
    where = f"{dataset.project.key}/{dataset.name}"
    audit(user, "read from a database", f"{where} from {source['name']}: {what}")
