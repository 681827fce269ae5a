"""A trained model, or a version of a saved model: what has results, is compared and documented."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse

from recipes.tasks import TASKS
from recipes.tasks.task import Task
from trackside.datasets.models import Dataset
from trackside.jobs.models import Job
from trackside.lab import kept, reports, thresholds
from trackside.lab.labels import algorithm_label, label_of, unit
from trackside.lab.models import TrainedModel
from trackside.lab.trouble import Refused
from trackside.projects.access import row
from trackside.projects.models import Project
from trackside.saved_models.bundles import about
from trackside.saved_models.models import Version

Json = dict[str, Any]
LEAST, MOST = 2, 8


class Untrained(Refused):
    def __init__(self, model: TrainedModel) -> None:
        super().__init__(f"{model.label} is not trained yet: there is nothing to show of it.")
        self.model = model


@dataclass(frozen=True, kw_only=True)
class Entrant:
    """`key` is its name in an address: a trained model's id, or `NAME:NUMBER` of a version.

    `address` is that of its results: their tabs and the questions about it lie below.
    """

    key: str
    title: str
    origin: str
    address: str
    project: Project
    task: str
    target: str
    metric: str
    metrics: Json
    facts: Json
    spec: Json  # as it was frozen; empty when the job is gone
    told: Json  # model.json of the bundle
    report: Json  # at the threshold in use
    threshold: float | None  # kept in place of its own (two classes)
    bundle: Path
    at: datetime | None
    job: Job | None
    dataset: Dataset | None
    model: TrainedModel | None = None
    version: Version | None = None

    @property
    def active(self) -> bool:
        return self.version is not None and self.version.active

    @property
    def card(self) -> Task:
        return TASKS[self.task]

    @property
    def classes(self) -> list[str]:
        return [str(one) for one in self.report.get("classes") or self.told.get("classes") or []]

    @property
    def fingerprint(self) -> str:
        frozen = self.spec.get("dataset") or {}
        return str(self.told.get("fingerprint") or frozen.get("fingerprint") or "")

    @property
    def algorithm(self) -> str:
        return str(self.part("algorithm") or (self.model.algorithm if self.model else ""))

    @property
    def params(self) -> Json:
        """Those of its algorithm: as a search found them, if there was one."""
        found: Json = self.part("params") or (self.model.params if self.model else {})
        return found

    @property
    def score(self) -> Any:
        return self.metrics.get(self.metric)

    @property
    def unit(self) -> str:
        """What its algorithm counts while it learns."""
        return unit(self.algorithm)

    @property
    def too_good(self) -> str:
        """Why its figures say more than they should: it knew what judges it; else ""."""
        return str(self.told.get("too_good") or "")

    def part(self, name: str) -> Any:
        """A part of the design: as the bundle says it, else as it was frozen."""
        return self.told[name] if name in self.told else self.spec.get(name)


def key_of(number: int, name: str = "") -> str:
    """`name`: of the saved model whose version it is."""
    return f"{name}:{number}" if name else str(number)


def opened(project: Project, key: str) -> Entrant:
    """Raises Http404 for what is not in the project, Untrained for what has no bundle yet."""
    name, colon, number = key.rpartition(":")
    if not colon:
        found = row(project, TrainedModel, through="session__analysis__project", pk=key)
        return of_model(found)
    through = "saved_model__project"
    number = number if number.isdecimal() else "0"
    return of_version(row(project, Version, through=through, saved_model__name=name, number=number))


def of_model(model: TrainedModel) -> Entrant:
    """Raises Untrained while there is no bundle."""
    if not model.bundle:
        raise Untrained(model)
    session, analysis = model.session, model.session.analysis
    bundle = kept.bundle_of(model)
    return Entrant(
        key=str(model.pk),
        title=model.label,
        origin=f"{analysis.name}, {session.name}",
        address=reverse("trained_model", args=[analysis.project.key, model.pk]),
        project=analysis.project,
        task=analysis.task,
        target=analysis.target,
        metric=model.metric,
        metrics=model.metrics,
        facts=model.facts,
        spec=model.job.spec if model.job else {},
        told=about(bundle),
        report=kept.report_of(model),
        threshold=model.threshold,
        bundle=bundle,
        at=model.published_at,
        job=model.job,
        dataset=analysis.dataset,
        model=model,
    )


def of_version(version: Version) -> Entrant:
    saved, model = version.saved_model, version.trained_model
    bundle = Path(settings.TRACKSIDE_STORAGE) / version.bundle
    told, report = about(bundle), reports.read(bundle)
    threshold = version.facts.get("threshold")
    job = version.job or (model.job if model else None)
    spec = job.spec if job else {}
    return Entrant(
        key=f"{saved.name}:{version.number}",
        title=f"{saved.name} v{version.number}",
        origin=model.label if model else _label(told),
        address=reverse("version_results", args=[saved.project.key, saved.name, version.number]),
        project=saved.project,
        task=saved.task,
        target=str(told.get("target") or spec.get("target") or ""),
        metric=version.metric,
        metrics=version.metrics,
        facts=version.facts,
        spec=spec,
        told=told,
        report=thresholds.applied(report, threshold) if report else {},
        threshold=threshold,
        bundle=bundle,
        at=_trained_at(version, job),
        job=job,
        dataset=_dataset(saved.project, told, spec),
        model=model,
        version=version,
    )


def _trained_at(version: Version, job: Job | None) -> datetime:
    """It may be deployed long after it was trained."""
    known = (version.trained_model and version.trained_model.published_at) or (
        job and job.finished_at
    )
    return known or version.created_at


def _label(told: Json) -> str:
    """What a model that was retrained in the Flow is called: by its own card."""
    try:
        return label_of({name: told.get(name) for name in ("algorithm", "params", "searched")})
    except (KeyError, TypeError):
        return algorithm_label(str(told.get("algorithm", "")))


def _dataset(project: Project, told: Json, spec: Json) -> Dataset | None:
    """The one with the fingerprint of the training, while it is in the project; of several the one
    of its name."""
    frozen = spec.get("dataset") or {}
    known = told.get("fingerprint") or frozen.get("fingerprint")
    found = project.datasets.filter(fingerprint=known) if known else project.datasets.none()
    return found.filter(name=frozen.get("name")).first() or found.first()


def chosen(project: Project, keys: list[str]) -> list[Entrant]:
    """Those of an address, each once, in their order. Raises Http404, Refused."""
    unique = list(dict.fromkeys(key for key in keys if key))
    if not LEAST <= len(unique) <= MOST:
        raise Refused(
            f"Choose {LEAST} to {MOST} models to compare: {len(unique)} "
            f"{'is' if len(unique) == 1 else 'are'} chosen."
        )
    found = [opened(project, key) for key in unique]
    first = found[0]
    for one in found[1:]:
        _comparable(first, one)
    return _told_apart(found)


def _told_apart(found: list[Entrant]) -> list[Entrant]:
    """Those of one title say where they are from: two lines of one name tell nothing."""
    many = Counter(one.title for one in found)
    places = {one.model.session.analysis_id for one in found if one.model}
    return [
        replace(one, title=f"{one.title} ({one.model.session if len(places) == 1 else one.origin})")
        if one.model and many[one.title] > 1
        else one
        for one in found
    ]


def _comparable(one: Entrant, two: Entrant) -> None:
    both = f"{one.title} ({one.origin}) and {two.title} ({two.origin}) cannot be compared"
    if one.task != two.task:
        raise Refused(f"{both}: {one.card.label} and {two.card.label} have other figures.")
    if one.card.data == "table" and one.target != two.target:
        raise Refused(f"{both}: one predicts {one.target}, the other one {two.target}.")
    if set(one.classes) != set(two.classes):
        apart = sorted(set(one.classes) ^ set(two.classes))
        named = ", ".join(apart[:5]) + (" and more" if len(apart) > 5 else "")
        raise Refused(f"{both}: their classes differ ({named}).")
    if one.task == "two_class" and one.classes != two.classes:
        named = f"{one.classes[-1]} is the positive class of one, {two.classes[-1]} of the other"
        raise Refused(f"{both}: {named}.")
    for each in (one, two):
        if not each.report:
            raise Refused(f"{both}: the report of {each.title} cannot be read.")


def champion(found: list[Entrant], asked: str) -> Entrant:
    """The chosen one, else the active version, else the model behind one, else the first."""
    by_key = {one.key: one for one in found}
    if asked in by_key:
        return by_key[asked]
    active = next((one for one in found if one.active), None)
    return active or next((one for one in found if _behind_active(one)), found[0])


def _behind_active(one: Entrant) -> bool:
    return one.model is not None and _versions_of(one.model).filter(active=True).exists()


def _versions_of(model: TrainedModel) -> QuerySet[Version]:
    return Version.objects.filter(trained_model=model)


def others(project: Project, found: list[Entrant], most: int = 60) -> list[Json]:
    """What could join: models and versions of the task and target, the newest first."""
    there, first = {one.key for one in found}, found[0]
    models = TrainedModel.objects.filter(
        session__analysis__project=project, session__analysis__task=first.task
    ).exclude(bundle="")
    versions = Version.objects.filter(saved_model__project=project, saved_model__task=first.task)
    if first.card.data == "table":
        apart = models.exclude(session__analysis__target=first.target)
        models = models.filter(session__analysis__target=first.target)
        versions = versions.exclude(saved_model__versions__trained_model__in=apart)
    listed = [
        {"key": f"{one.saved_model.name}:{one.number}", "group": "Versions",
         "label": f"{one.saved_model.name} v{one.number}{' (active)' if one.active else ''}"}
        for one in versions.select_related("saved_model").order_by("-pk")[:most]
    ] + [
        {"key": str(one.pk), "group": "Trained models",
         "label": f"{one.label} \u00b7 {one.session.analysis.name}, {one.session.name}"}
        for one in models.select_related("session__analysis").order_by("-pk")[:most]
    ]  # fmt: skip
    return [one for one in listed if one["key"] not in there]
