"""The metrics dataset of an evaluation recipe: its store's history as a table like any other.

The store is the truth. Each evaluation writes the table anew from it, under the store's lock, and
by an import like an upload's: so it has types, a profile, and a place in the Lab.
"""

import csv
import io
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction

from trackside.accounts.models import User
from trackside.compute import room
from trackside.datasets import holding, services, storage
from trackside.datasets.models import Dataset, DatasetState
from trackside.flow.models import Recipe
from trackside.flow.trouble import BadRecipe
from trackside.jobs.models import Job
from trackside.jobs.states import JOB_OVER
from trackside.saved_models import stores
from trackside.saved_models.models import EvaluationStore

MOST = 10_000  # evaluations in the table, the newest
READ = {"delimiter": ",", "encoding": "utf-8", "header": True, "missing": {"*": [""]}}
TEXTS = ("dataset", "fingerprint", "recipe", "saved_model")
WHOLE = (
    "number", "version", "job", "judged", "of", "left_out", "columns_moved",
    "columns_moved_strongly",
)  # fmt: skip


def dataset_for(store: EvaluationStore, name: str, user: User | None) -> Dataset | None:
    """The dataset of this name, new or that of another recipe into this store; None for no name.

    Raises BadRecipe.
    """
    if not name.strip():
        return None
    named = Dataset.objects.filter(project=store.project, name=name.strip())
    shared = named.filter(measured_by__store=store).first()
    if shared is not None:
        return shared
    unwritten = named.filter(state=DatasetState.PLANNED, written_by=None, measured_by=None).first()
    if unwritten is not None:
        return unwritten
    try:
        return services.output_dataset(store.project, name, user)
    except services.BadDataset as bad:
        raise BadRecipe("metrics", bad.message) from None


def write(recipe: Recipe, user: User | None) -> Job | None:
    """Import the store's rows as they are now; the caller holds the store.

    Where there is no room the dataset stays as it was and says why: the store has its rows.
    """
    if recipe.metrics is None or recipe.store is None:
        return None
    held = holding.held(recipe.metrics)
    if sentence := room.missing():
        held.reason = sentence
        held.save(update_fields=["reason"])
        return None
    lines = list(stores.lines(recipe.store, MOST))
    said = held.job.spec.get("types") or {} if held.job else {}  # also by a person
    spec = {
        "archive": str(_kept(lines)),
        "name": "evaluations.csv",
        "kind": "table",
        "read": READ,
        "types": {name: said.get(name, _type(name)) for name in lines[0]},
    }
    _forget(held.job)
    return services.import_again(held, user, f"Import {held.name}", spec)


def _kept(lines: list[list[Any]]) -> Path:
    text = io.StringIO()
    csv.writer(text).writerows(lines)  # None is nothing, which is missing
    return storage.keep_upload(SimpleUploadedFile("evaluations.csv", text.getvalue().encode()))


def _type(column: str) -> str:
    if column in TEXTS:
        return "text"
    return "integer" if column in WHOLE else {"created_at": "datetime"}.get(column, "number")


def _forget(job: Job | None) -> None:
    """The file of an import that failed: the next one has all that was in it."""
    if job is not None and job.state in JOB_OVER:
        archive = str(job.spec.get("archive", ""))
        transaction.on_commit(lambda: storage.drop_upload(archive), robust=True)
