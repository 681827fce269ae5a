"""Datasets change here: upload, publish what the intake found, keep a picture, delete."""

import re
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction

from recipes.uploads import TABLES
from trackside.accounts.models import User
from trackside.accounts.services import audit
from trackside.compute import room
from trackside.datasets import holding, intake, reading, storage
from trackside.datasets.models import Dataset, DatasetState, Picture, Problem
from trackside.datasets.reading import Wish
from trackside.datasets.trouble import BadDataset, Refused
from trackside.jobs import services as jobs
from trackside.jobs.models import Attempt, Job
from trackside.jobs.states import JOB_OVER
from trackside.projects.models import Project

NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,79}$")
IMPORT_ON = {"kind": "cpu", "ranks": 1}
# A database that never ends its answer must not hold a slot of a node for good.
LONGEST = 6 * 3600  # seconds
KNOWN = "|".join((*TABLES, *reading.ARCHIVE_ENDINGS))
ENDINGS = re.compile(rf"(\.({KNOWN}))+$", re.IGNORECASE)
TAKES = "a table (csv, tsv, jsonl, parquet, xlsx) or a zip or tar archive of images"


def name_from(file_name: str) -> str:
    """A name to suggest for an uploaded file."""
    stem = ENDINGS.sub("", file_name.replace("\\", "/").rpartition("/")[2])
    return re.sub(r"[^A-Za-z0-9._-]+", "_", stem).strip("._- ")[:80] or "dataset"


def check_name(project: Project, name: str) -> str:
    """The name as it is kept. Raises BadDataset."""
    name = name.strip()
    if not NAME.match(name):
        raise BadDataset(
            "name",
            f"{name!r} cannot be a dataset's name: up to 80 letters, digits, spaces, dots, dashes "
            "and underscores, a letter or digit first.",
        )
    if Dataset.objects.filter(project=project, name=name).exists():
        raise BadDataset(
            "name",
            f"There is already a dataset called {name!r}. Take another name; newer rows of a table "
            "are uploaded on its own page.",
            code="name_taken",
            status=409,
        )
    return name


def upload(
    project: Project,
    user: User,
    name: str,
    file: UploadedFile | None,
    wish: Wish | None = None,
    click_id: str | None = None,
) -> Dataset:
    """Take the file and submit its import. Raises BadDataset; then nothing is left behind."""
    if click_id and (before := clicked(user, click_id)):
        return before
    spec = reading.check(wish or Wish())
    if file is None:
        raise BadDataset("file", f"Choose a file: {TAKES}.")
    if not file.size:
        raise BadDataset("file", f"{file.name} is empty. Choose {TAKES}.")
    name = check_name(project, name or name_from(file.name or ""))
    if sentence := room.missing(Path(settings.FILE_UPLOAD_TEMP_DIR)):
        raise BadDataset("file", sentence, code="no_room", status=507)
    archive = storage.keep_upload(file)
    try:
        return _begin(project, user, name, archive, {**spec, "name": file.name or ""}, click_id)
    except IntegrityError:
        storage.drop_upload(str(archive))
        raise BadDataset(
            "name", f"There is already a dataset called {name!r}.", code="name_taken", status=409
        ) from None
    except BaseException:
        storage.drop_upload(str(archive))
        raise


def clicked(user: User, click_id: str) -> Dataset | None:
    """What the same click has made a moment ago."""
    job = Job.objects.filter(created_by=user, click_id=click_id).first()
    return Dataset.objects.filter(job=job).first() if job else None


@transaction.atomic
def _begin(
    project: Project,
    user: User,
    name: str,
    archive: Path,
    about: dict[str, Any],
    click_id: str | None,
) -> Dataset:
    kind = reading.likely_kind(about["kind"], about["name"])
    dataset = Dataset.objects.create(project=project, name=name, kind=kind, created_by=user)
    dataset.job = jobs.submit(
        project=project,
        user=user,
        kind="import",
        title=f"Import {name}",
        spec={"archive": str(archive), **about},
        compute=dict(IMPORT_ON),
        click_id=click_id,
    )
    dataset.save(update_fields=["job"])
    audit(user, "upload", f"{about['name']} into {project.key}/{name}")
    return dataset


def retry(dataset: Dataset, user: User, read: reading.Read | None = None) -> Job:
    """Import the same file once more, as a table perhaps with other options. Raises Refused."""
    settle(dataset)
    if sentence := room.missing():
        raise Refused(sentence)
    with transaction.atomic():
        held = holding.held(dataset)
        if held.state != DatasetState.FAILED or held.job is None:
            raise Refused(f"{held.name} has not failed, so there is nothing to try again.")
        spec = dict(held.job.spec)
        if read is not None:
            spec["read"] = reading.check_read(read)
        if ("archive" in spec or "source" not in spec) and not Path(
            str(spec.get("archive", ""))
        ).is_file():
            raise Refused(f"The uploaded file of {held.name} is gone. Upload it again.")
        return import_again(held, user, f"Import {held.name}", spec)


def import_again(
    held: Dataset,
    user: User | None,
    title: str,
    spec: dict[str, Any],
    click_id: str | None = None,
) -> Job:
    """Another import of a dataset whose row is held; what it was before stays until that ends."""
    job = jobs.submit(
        project=held.project,
        user=user,
        kind="import",
        title=title,
        spec=spec,
        compute=import_on(spec),
        click_id=click_id,
    )
    held.job, held.state, held.reason = job, DatasetState.IMPORTING, ""
    held.save(update_fields=["job", "state", "reason", "updated_at"])
    return job


def import_on(spec: dict[str, Any]) -> dict[str, Any]:
    """The compute of an import with this spec."""
    from_database = "source" in spec and "archive" not in spec
    return {**IMPORT_ON, "max_seconds": LONGEST} if from_database else dict(IMPORT_ON)


def settle(dataset: Dataset) -> Dataset:
    """An import that failed or was cancelled makes its dataset failed, with the job's reason.

    One that was to correct a table leaves it as it was before, with the reason.
    """
    job = dataset.job
    if dataset.state != DatasetState.IMPORTING or job is None:
        return dataset
    if job.state in JOB_OVER and job.state != "succeeded":
        reason = job.reason or f"The import {job.get_state_display().lower()}."
        waiting = Dataset.objects.filter(pk=dataset.pk, state=DatasetState.IMPORTING, job=job)
        before = bool(dataset.fingerprint)
        state = DatasetState.READY if before else DatasetState.FAILED
        if waiting.update(state=state, reason=reason) and before:
            storage.drop_upload(str(job.spec.get("archive", "")))
        dataset.refresh_from_db(fields=["state", "reason"])
    return dataset


def publish_import(job: Job, attempt: Attempt, result: dict[str, Any]) -> None:
    """What the intake found becomes the dataset; inside the transaction that ends the job."""
    dataset = Dataset.objects.select_for_update().filter(job=job).first()
    archive = str(job.spec.get("archive", ""))
    transaction.on_commit(lambda: storage.drop_upload(archive), robust=True)
    if dataset is None:
        return  # deleted meanwhile, or there is a newer import
    home = storage.take_over(dataset, attempt)
    facts = {**intake.facts_file(home), **result.get("facts", {})}
    Picture.objects.filter(dataset=dataset).delete()
    Problem.objects.filter(dataset=dataset).delete()
    dataset.folder = str(home.relative_to(storage.root()))
    dataset.bytes = int(facts.get("bytes") or 0)
    if facts.get("layout") == "table":
        _publish_table(dataset, job, home, facts)
    else:
        _publish_images(dataset, home, facts)
    found = intake.problems(home)
    Problem.objects.bulk_create([intake.problem(dataset, one) for one in found], batch_size=500)
    dataset.state, dataset.reason = DatasetState.READY, ""
    dataset.save()
    result["output"] = dataset.name
    transaction.on_commit(lambda: storage.drop_others(dataset.pk, home), robust=True)


def _publish_images(dataset: Dataset, home: Path, facts: dict[str, Any]) -> None:
    lines = intake.read(home)
    used = [intake.picture(dataset, line) for line in lines if line.get("use", True)]
    Picture.objects.bulk_create(used, batch_size=500)
    dataset.kind = "images"
    intake.fill(dataset, facts, lines)


def _publish_table(dataset: Dataset, job: Job, home: Path, facts: dict[str, Any]) -> None:
    """The upload stays beside the table, so that its types can be corrected by reading it again.

    What was read from a database has its rows as they came there already.
    """
    storage.keep_original(Path(str(job.spec.get("archive", ""))), home)
    told = {"read": job.spec.get("read") or {}, "file": str(job.spec.get("name", ""))}
    dataset.kind, dataset.rows = "table", int(facts["rows"])
    if source := job.spec.get("source"):
        told["source"] = facts.get("source") or source  # the job knows when it read
    dataset.fingerprint, dataset.facts = str(facts["fingerprint"]), {**facts, **told}


@transaction.atomic
def keep(dataset: Dataset, problems: list[int]) -> int:
    """Take pictures in that the intake had left out; how many. Sessions from now on see them."""
    dataset = Dataset.objects.select_for_update().get(pk=dataset.pk)
    rows = Problem.objects.filter(dataset=dataset, pk__in=problems, can_keep=True, kept=False)
    numbers = set(rows.values_list("number", flat=True))
    lines = intake.read(storage.folder(dataset))
    taken = [line for line in lines if line["number"] in numbers and not line.get("use", True)]
    for line in taken:
        line["use"] = True
    if not taken:
        return 0
    Picture.objects.bulk_create(
        [intake.picture(dataset, line) for line in taken], ignore_conflicts=True
    )
    rows.update(kept=True)
    facts = dict(dataset.facts)
    facts["left_out"] = max(0, int(facts.get("left_out") or 0) - len(taken))
    intake.fill(dataset, facts, lines)
    dataset.save()
    intake.rewrite(storage.folder(dataset), lines, dataset.facts)
    return len(taken)


def output_dataset(project: Project, name: str, user: User | None = None) -> Dataset:
    """The table that a recipe will write; planned until the recipe has run. Raises BadDataset."""
    return Dataset.objects.create(
        project=project,
        name=check_name(project, name),
        kind="table",
        state=DatasetState.PLANNED,
        created_by=user,
    )


@transaction.atomic
def delete(dataset: Dataset, user: User) -> None:
    """With its files. Raises Refused while an analysis, a recipe or a job needs it."""
    dataset, number = holding.held(dataset), dataset.pk
    holding.check_unneeded(dataset)
    archive = ""
    if dataset.job is not None:
        archive = str(dataset.job.spec.get("archive", ""))
        if dataset.job.state not in JOB_OVER:
            jobs.stop(dataset.job, user=user, how="cancel")
    audit(user, "dataset deleted", f"{dataset.project.key}/{dataset.name}")
    dataset.delete()
    transaction.on_commit(lambda: storage.drop_others(number), robust=True)
    transaction.on_commit(lambda: storage.drop_upload(archive), robust=True)


__all__ = [
    "BadDataset",
    "Refused",
    "check_name",
    "delete",
    "keep",
    "name_from",
    "output_dataset",
    "publish_import",
    "retry",
    "settle",
    "upload",
]
