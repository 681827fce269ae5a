"""A bad table on its way from an upload or a database to Train, and what is said of it where."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.utils import timezone

from recipes import job as recipes_job
from recipes.events import Journal
from recipes.kinds import KINDS
from recipes.kinds.import_ import taken_in
from recipes.sql.access import Access
from trackside.accounts.models import User
from trackside.compute.models import Node
from trackside.datasets import from_database, services, tables
from trackside.datasets.models import Dataset
from trackside.datasets.reading import Wish
from trackside.jobs.models import Attempt, Job
from trackside.lab import services as lab
from trackside.lab import trouble
from trackside.lab.diagnostics_table import table_findings
from trackside.lab.models import Analysis
from trackside.projects.models import Project

Said = str | tuple[str, ...]
CPU = {"kind": "cpu", "ranks": 1}


@dataclass(frozen=True)
class Bad:
    """A file, and what is said of it where: at the first place that refuses it, the way ends."""

    file: bytes = b""
    target: str = "good"
    upload: str = ""  # the upload is refused
    fails: str = ""  # the import fails
    problem: Said = ""  # of the dataset
    warning: Said = ""  # of a column
    analysis: str = ""  # no analysis can be made
    finding: Said = ""  # in the design's diagnostics
    train: str = ""  # Train refuses
    read: dict[str, Any] = field(default_factory=dict)


def uploaded(project: Project, user: User, bad: Bad, name: str = "bad.csv") -> Dataset:
    """The import runs as its job would, sandbox and all."""
    file: Any = SimpleUploadedFile(name, bad.file)
    one = services.upload(project, user, "bad", file, Wish(read=bad.read))

    def work(home: Path, spec: dict[str, Any]) -> Any:
        return taken_in(Path(spec["archive"]), name, home / "output", Journal(home), spec)

    return _imported(one, work)


def queried(project: Project, user: User, path: Path, query: str) -> Dataset:
    """The same of what a query of an SQLite file gives."""
    source = {"connection": 1, "name": "shop", "query": query}
    one = from_database.begin(project, user, "bad", source)

    def work(home: Path, spec: dict[str, Any]) -> Any:
        way = home / "way"
        way.write_text(json.dumps(asdict(Access(kind="sqlite", database=str(path)))))
        given = recipes_job.Job(job=1, kind="import", spec=spec, access=str(way))
        KINDS["import"].run(given, home, None)
        return json.loads((home / "output" / "facts.json").read_text())

    return _imported(one, work)


def _imported(one: Dataset, work: Callable[[Path, dict[str, Any]], Any]) -> Dataset:
    job = one.job
    assert job is not None
    home = Path(settings.TRACKSIDE_STORAGE) / f"jobs/{job.pk}/a1"
    home.mkdir(parents=True)
    try:
        facts = work(home, job.spec)
    except Exception as failed:
        Job.objects.filter(pk=job.pk).update(state="failed", reason=str(failed))
        return services.settle(Dataset.objects.get(pk=one.pk))
    attempt = Attempt.objects.filter(job=job).first() or Attempt(
        job=job, number=1, fence=1, node=Node.objects.get(), compute={}, assigned_at=timezone.now()
    )
    attempt.folder = f"jobs/{job.pk}/a1"
    attempt.save()
    with transaction.atomic():
        services.publish_import(job, attempt, {"facts": facts})
    Job.objects.filter(pk=job.pk).update(state="succeeded")
    return Dataset.objects.get(pk=one.pk)


def must_be_told(one: Dataset, bad: Bad, user: User, browser: Client) -> None:
    """From the end of the import on, up to Train."""
    assert bad.fails in one.reason, one.reason
    if bad.fails:
        assert one.state == "failed"
        return
    assert one.state == "ready", one.reason
    _all_in(bad.problem, "\n".join(f"{each.where}: {each.what}" for each in one.problems.all()))
    said = "\n".join(text for each in tables.columns(one) for text in each["warnings"])
    _all_in(bad.warning, said)
    page = browser.get(f"/p/{one.project.key}/datasets/{one.name}/?tab=problems").content
    assert (b"a remark" in page or b"have remarks" in page) == bool(said)
    if bad.analysis:
        with pytest.raises(trouble.Refused, match=bad.analysis):
            lab.create_analysis(one.project, user, "bad", one, bad.target)
        return
    analysis = lab.create_analysis(one.project, user, "bad", one, bad.target)
    _all_in(bad.finding, findings(analysis, one))
    if bad.train:
        with pytest.raises(trouble.Refused, match=bad.train):
            lab.train(analysis, user, CPU)
        return
    session = lab.train(analysis, user, CPU)
    assert session.models.get().job.kind == "train"


def _all_in(wanted: Said, text: str) -> None:
    for one in (wanted,) if isinstance(wanted, str) else wanted:
        assert one in text, text


def findings(analysis: Analysis, dataset: Dataset) -> str:
    design = {**analysis.design, "task": analysis.task, "target": analysis.target}
    found = table_findings(design, tables.columns(dataset), dataset.rows)
    return "\n".join(f"{one.title} {one.text}" for one in found)
