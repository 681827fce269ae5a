"""A table as its import leaves it (docs/jobs.md), made here: no recipe runs."""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from trackside.accounts.models import User
from trackside.compute.models import Node
from trackside.datasets import services
from trackside.datasets.models import Dataset
from trackside.datasets.reading import Wish
from trackside.jobs.models import Attempt, Job
from trackside.projects.models import Project

BYTES = b"age,name\n1,=cmd\n"
LONG = 12345678901234567890123456789
PEOPLE = pa.table(
    {
        "age": pa.array([22, None, 35], pa.int64()),
        "name": ["=cmd()", "Zoë <b>", None],
        "fare": [7.25, float("inf"), None],
        "alive": [True, False, None],
        "born": [date(1890, 1, 2), None, date(1870, 5, 6)],
        "seen": [datetime(1912, 4, 10, 12, 30), None, None],  # noqa: DTZ001 - tables have none
        "ticket": pa.array([Decimal(LONG), None, Decimal(7)], pa.decimal128(38, 0)),
    }
)
PROBLEMS = [("line 17", "3 values where 7 columns are: it is left out.")]
KINDS = (
    ("boolean", pa.types.is_boolean),
    ("integer", lambda kind: pa.types.is_integer(kind) or pa.types.is_decimal(kind)),
    ("number", pa.types.is_floating),
    ("date", pa.types.is_date),
    ("datetime", pa.types.is_timestamp),
)


def kind_of(kind: pa.DataType) -> str:
    return next((name for name, fits in KINDS if fits(kind)), "text")


def profile(name: str, values: pa.ChunkedArray, given: bool) -> dict[str, Any]:
    """The figures of columns.json, as far as pages show them."""
    kind = kind_of(values.type)
    known = [one for one in values.to_pylist() if one is not None]
    found = Counter(known)
    made: dict[str, Any] = {
        "name": name, "type": kind, "given": given, "missing": values.null_count,
        "distinct": len(found), "min": None, "max": None, "mean": None, "std": None,
        "quantiles": None, "histogram": None, "top": None,
        "examples": [str(one) for one in list(found)[:5]],
        "warnings": ["All values are missing."] if not known else [],
    }  # fmt: skip
    known = [one for one in known if kind != "number" or math.isfinite(one)]
    if kind in ("integer", "number") and known:
        low, high = float(min(known)), float(max(known))
        step = (high - low) / 12 or 1.0
        places = Counter(min(11, int((float(one) - low) / step)) for one in known)
        made |= {
            "min": float(min(known)) if kind == "number" else int(min(known)),
            "max": float(max(known)) if kind == "number" else int(max(known)),
            "mean": sum(map(float, known)) / len(known),
            "quantiles": {"50": float(sorted(known)[len(known) // 2])},
            "histogram": {
                "edges": [low + step * n for n in range(13)],
                "counts": [places[n] for n in range(12)],
            },
        }
    elif kind in ("text", "boolean"):
        made["top"] = [{"value": str(one), "count": n} for one, n in found.most_common(20)]
    return made


def output(
    home: Path,
    table: pa.Table,
    problems: Iterable[tuple[str, str]] = (),
    types: Iterable[str] = (),
    group: int = 65_536,
) -> dict[str, Any]:
    """Writes the folder, answers its facts."""
    home.mkdir(parents=True, exist_ok=True)
    parquet.write_table(table, home / "table.parquet", row_group_size=group, compression="zstd")
    columns = [profile(name, table[name], name in set(types)) for name in table.column_names]
    (home / "columns.json").write_text(json.dumps(columns))
    told = [{"where": where, "what": what, "number": None} for where, what in problems]
    (home / "problems.jsonl").write_text("".join(json.dumps(one) + "\n" for one in told))
    shape = json.dumps([[one["name"], one["type"]] for one in columns])
    facts = {
        "layout": "table", "format": "csv", "rows": table.num_rows, "columns": len(columns),
        "left_out": len(told), "problems": len(told), "bytes": 1000, "encoding": "utf-8",
        "delimiter": ",", "header": True,
        "fingerprint": hashlib.sha256(shape.encode()).hexdigest(),
    }  # fmt: skip
    (home / "facts.json").write_text(json.dumps(facts))
    return facts


def finish(dataset: Dataset, table: pa.Table, **more: Any) -> Dataset:
    """The dataset's import ends well with these rows."""
    job = dataset.job
    assert job is not None
    node, _ = Node.objects.get_or_create(name="here", defaults={"queue": "here"})
    attempt = Attempt.objects.filter(job=job).first() or Attempt(
        job=job, number=1, fence=1, node=node, compute={}, assigned_at=timezone.now()
    )
    attempt.folder = f"jobs/{job.pk}/a1"
    attempt.save()
    home = Path(settings.TRACKSIDE_STORAGE) / attempt.folder / "output"
    facts = output(home, table, types=job.spec["types"], **more)
    services.publish_import(job, attempt, {"facts": facts})
    Job.objects.filter(pk=job.pk).update(state="succeeded")
    return Dataset.objects.select_related("job", "project").get(pk=dataset.pk)


def uploaded(
    project: Project, user: User, name: str, table: pa.Table, content: bytes = b"a,b\n", **more: Any
) -> Dataset:
    """A table that was uploaded as CSV and imported."""
    file: Any = SimpleUploadedFile(f"{name}.csv", content)
    return finish(services.upload(project, user, name, file, Wish()), table, **more)
