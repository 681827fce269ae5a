"""What one stream follows, and whether its reader may: `t=job:12,gpus,project:KEY&last=job:12@45`.

An event's id is how far each job that moved has been read, `job:12@46,job:13@7`. With the address
it tells the state of the whole stream: one Last-Event-ID resumes all topics.
"""

from dataclasses import dataclass, field
from typing import Any

from django.http import Http404

from trackside.jobs.models import Job
from trackside.projects.access import projects_of

MOST_TOPICS = 200


class BadTopics(Exception):
    """The address names something that cannot be followed; the message says what."""


@dataclass(frozen=True)
class Topics:
    """`jobs` maps each job to the last event that its reader has; None: from now on."""

    jobs: dict[int, int | None] = field(default_factory=dict)
    projects: dict[str, int] = field(default_factory=dict)  # key -> id, filled by `allowed`
    gpus: bool = False


def parse(topics: str, last: str) -> Topics:
    """Raises BadTopics."""
    names = [one for one in topics.split(",") if one]
    if not names or len(names) > MOST_TOPICS:
        raise BadTopics(f"'t' must name 1 to {MOST_TOPICS} topics, such as job:12,gpus.")
    seen = positions(last)
    jobs: dict[int, int | None] = {}
    projects: dict[str, int] = {}
    for name in names:
        kind, _, which = name.partition(":")
        if kind == "job" and which.isdecimal() and len(which) < 19:
            jobs[int(which)] = seen.get(int(which))
        elif kind == "project" and which:
            projects[which[:40]] = 0
        elif name != "gpus":
            raise BadTopics(f"{name[:60]!r} cannot be followed; job:<id>, project:<key>, gpus can.")
    return Topics(jobs, projects, "gpus" in names)


def positions(last: str) -> dict[int, int]:
    """`job:12@45,job:13@7` as numbers; a job's last counts, what makes no sense is left out."""
    found = {}
    for one in last.split(","):
        name, _, seq = one.partition("@")
        kind, _, job = name.strip().partition(":")
        if kind == "job" and job.isdecimal() and seq.isdecimal() and len(job + seq) < 30:
            found[int(job)] = int(seq)
    return found


def as_id(reached: dict[int, int]) -> str:
    return ",".join(f"job:{job}@{seq}" for job, seq in reached.items())


def allowed(user: Any, topics: Topics) -> Topics:
    """The topics with the projects' ids. Raises Http404 unless `user` may read every one."""
    mine = projects_of(user)
    projects = dict(mine.filter(key__in=topics.projects).values_list("key", "pk"))
    jobs = Job.objects.filter(pk__in=topics.jobs, project__in=mine).count()
    if len(projects) != len(topics.projects) or jobs != len(topics.jobs):
        raise Http404("There is no such job or project.")
    return Topics(topics.jobs, projects, topics.gpus)
