"""Questions about a model of a table that a small job answers: rows, made-up rows, groups."""

import json
from itertools import islice
from typing import Any

from recipes import whatif
from recipes.params import ParamError
from recipes.whatif import Row, Seen
from trackside.accounts.models import User
from trackside.datasets import holding, tables
from trackside.datasets.models import Dataset, DatasetState
from trackside.datasets.table_parquet import ParquetTable
from trackside.jobs import services as jobs
from trackside.jobs.models import Job
from trackside.jobs.queries import job_for
from trackside.jobs.states import JOB_OVER
from trackside.lab.entrants import Entrant
from trackside.lab.quick import ONE_CORE
from trackside.lab.trouble import BadDesign, Refused

Json = dict[str, Any]
MOST, LISTED = 24, 20  # rows of one job; answers of one list
QUESTIONS = ("rows", "subpopulations", "whatif")


def ask_rows(model: Entrant, user: User, numbers: list[int]) -> Job:
    """Why these rows of the dataset are predicted as they are. Raises Refused."""
    if not numbers:
        raise Refused("Name at least one row.")
    if len(numbers) > MOST:
        raise Refused(f"One job explains {MOST} rows at most.")
    what = f"row {numbers[0] + 1:,}" if len(numbers) == 1 else f"{len(numbers)} rows"
    spec = {"ask": "rows", "numbers": numbers, "dataset": holding.source(rows_of(model))}
    return _submit(model, user, f"Explain {what} of {model.title}", spec)


def ask_groups(model: Entrant, user: User, column: str) -> Job:
    """How good the model is on each group of a column. Raises Refused."""
    spec = {"ask": "subpopulations", "column": column, "dataset": holding.source(rows_of(model))}
    if column not in {one["name"] for one in tables.columns(rows_of(model))}:
        raise Refused(f"The dataset has no column {column!r}.")
    return _submit(model, user, f"Subpopulations of {model.title} by {column}", spec)


def ask_whatif(
    model: Entrant,
    user: User,
    given: Row,
    fixed: list[str],
    toward: str = "",
    base: Row | None = None,
) -> Job:
    """What the model says of a made-up row, and what would turn it. Raises BadDesign, Refused.

    A column that is not given comes from `base`, and where that lacks it too, is as usual.
    """
    columns = seen(model)
    try:
        row = whatif.cleaned(columns, given, base)
    except ParamError as wrong:
        raise BadDesign({f"row.{name}": text for name, text in wrong.errors.items()}) from wrong
    strange = sorted(set(fixed) - {one["name"] for one in columns})
    if strange:
        raise BadDesign({"fixed": f"The model has no column {strange[0]!r} to hold."})
    if toward and toward not in goals(model):
        raise BadDesign({"toward": f"It may be one of {', '.join(goals(model)[:20])}."})
    spec = {"ask": "whatif", "row": row, "fixed": fixed, "toward": toward}
    return _submit(model, user, f"What if of {model.title}", spec)


def goals(model: Entrant) -> list[str]:
    """Where a prediction may be turned to."""
    return model.told.get("classes") or ["up", "down"]


def seen(model: Entrant) -> list[Seen]:
    """What the model saw of each column. Raises Refused."""
    try:
        found: list[Seen] = json.loads((model.bundle / "seen.json").read_text())
    except (OSError, ValueError):
        raise Refused(
            "This model does not know what its columns held: it was trained before there was a "
            "what-if. Train it again."
        ) from None
    return found


def row_of(model: Entrant, number: int) -> Row:
    """The columns of the model in a row of the dataset, by its place from 0. Raises Refused."""
    try:
        table = tables.table(rows_of(model))
        rows_of(model)  # still: newer rows may have come before it was opened
        if not isinstance(table, ParquetTable):
            raise Refused("The dataset's rows cannot be read.")
        names = [one["name"] for one in seen(model) if one["name"] in table.names]
        (values,) = table.at([number], [table.names.index(name) for name in names])
    except (OSError, ValueError) as torn:
        raise Refused("The dataset's rows cannot be read.") from torn
    if not values:
        raise Refused(f"The dataset has no row {number + 1:,}.")
    return dict(zip(names, values, strict=True))


def base_of(model: Entrant, user: User, job: str, number: str) -> Row:
    """A whole row to begin with: of a what-if that was asked, or of the dataset (counted from 1).

    Else the usual values. Raises Refused.
    """
    usual = whatif.usual(seen(model))
    if (asked := answered(model, user, job, "whatif")) is not None:
        return {**usual, **asked.spec["row"]}
    if number.isdecimal() and len(number) < 12 and int(number):
        return {**usual, **row_of(model, int(number) - 1)}
    return usual


def answered(model: Entrant, user: User, number: str, ask: str) -> Job | None:
    """The job that answered, or is to answer, this question about this model."""
    if not number.isdecimal() or len(number) > 11:
        return None
    job = job_for(model.project, user, int(number))
    mine = job.kind == "explain" and job.spec.get("ask") == ask
    return job if mine and _about(model, job) else None


def asked_of(model: Entrant, number: int | None = None) -> list[Job]:
    """The last questions about this model as it decides now, the newest first, or the one of this
    job."""
    project = model.project
    rows = Job.objects.filter(project=project, kind="explain", spec__bundle=str(model.bundle))
    if number is not None:
        rows = rows.filter(pk=min(number, 2**62))
    asked = rows.filter(spec__ask__in=QUESTIONS).order_by("-pk").iterator()
    return list(islice((one for one in asked if _about(model, one)), LISTED))


def _about(model: Entrant, job: Job) -> bool:
    """A version and the Lab's model have one bundle, and each its own threshold."""
    own = (str(model.bundle), model.threshold)
    return own == (job.spec.get("bundle"), job.spec.get("threshold"))


def state(job: Job | None) -> Json:
    """What a page shows of it: it waits, it failed, or `told` is what it answered."""
    if job is None:
        return {"job": None, "told": None}
    done = job.state == "succeeded"
    return {"job": job, "waits": job.state not in JOB_OVER, "told": job.result if done else None}


def _submit(model: Entrant, user: User, title: str, spec: Json) -> Job:
    spec |= {"bundle": str(model.bundle)}
    if model.threshold is not None:
        spec["threshold"] = model.threshold
    return jobs.submit(
        project=model.project,
        user=user,
        kind="explain",
        title=title,
        spec=spec,
        compute=dict(ONE_CORE),
    )


def rows_of(model: Entrant) -> Dataset:
    """Its dataset, if that still has the rows of the training. Raises Refused."""
    dataset = model.dataset
    if dataset is None:
        raise Refused(
            f"The dataset of {model.title} is no longer in the project as it was at the training: "
            "its rows cannot be read. Train the model again."
        )
    if dataset.state != DatasetState.READY or not tables.is_parquet(dataset):
        raise Refused(f"{dataset.name} is not ready: its rows cannot be read now.")
    if model.told.get("fingerprint") != dataset.fingerprint:
        raise Refused(
            f"{dataset.name} has been changed since the model was trained: its rows are other ones "
            "now. Train the model again."
        )
    return dataset
