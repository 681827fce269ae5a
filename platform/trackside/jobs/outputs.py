"""What came of a job that a person looks at or downloads: a scoring's file, what it counted."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from trackside.accounts.gate import caller
from trackside.accounts.services import audit
from trackside.jobs import engines
from trackside.jobs.models import Job
from trackside.ui.streaming import streamed_file

TYPES = {".csv": "text/csv; charset=utf-8", ".parquet": "application/vnd.apache.parquet"}
NAMED = 100  # columns with unseen values that a page lists


def file_of(job: Job) -> Path | None:
    """The file that the job left to download; None where it left none, or it is gone."""
    relative = str(job.result.get("download") or "")
    root = Path(settings.TRACKSIDE_STORAGE).resolve()
    path = (root / relative).resolve()
    there = relative and path.suffix in TYPES and path.is_relative_to(root) and path.is_file()
    return path if there else None


def sent(request: HttpRequest, job: Job) -> HttpResponseBase | None:
    """The file as a download; None where there is none."""
    path = file_of(job)
    if path is None:
        return None
    audit(caller(request), "download", f"{job.project.key}/job {job.pk}/{path.name}")
    name = f"job-{job.pk}-{path.name}"
    return streamed_file(request, path, content_type=TYPES[path.suffix], filename=name)


def told(job: Job) -> dict[str, Any]:
    """Of a scoring that is over: rows, gaps, unseen values, what predicted. {} for another."""
    result = job.result
    if job.kind != "score" or not result:
        return {}
    facts, path = result.get("facts") or {}, file_of(job)
    reports = engines.reports(facts.get("parity"))
    unseen = sorted((result.get("unseen") or {}).items(), key=lambda pair: (-pair[1], pair[0]))
    return {
        "job": job.pk,
        "rows": result.get("rows"),
        "damaged": result.get("damaged"),
        "unseen": unseen[:NAMED],
        "more": max(0, len(unseen) - NAMED),
        "counted": "unseen" in result,
        "threshold": facts.get("threshold"),
        "device": facts.get("device", ""),
        "engine": facts.get("engine", ""),
        "parity": reports,
        "explanations": facts.get("explanations"),
        "table": result.get("table") or {},
        "file": path.name if path else "",
        "bytes": path.stat().st_size if path else None,
        "gone": bool(result.get("download")) and path is None,
    }


def shown(job: Job) -> dict[str, Any]:
    """`told`, and for a page what predicted and what was compared before."""
    found = told(job)
    if not found:
        return {}
    by = engines.called(found["engine"]) if found["engine"] else ""
    if untried := (job.result.get("facts") or {}).get("untried"):
        by = f"{by}. {untried}"
    compared = engines.lines(found["parity"])
    if report := (found["explanations"] or {}).get("parity"):
        compared += [{**one, "label": "Explanations"} for one in engines.lines([report])]
    return {**found, "by": by, "compared": compared}
