"""A table corrected, trained on and deleted at once: `python -m tests.web.dataset_race`.

DATABASE_URL says which database, TRACKSIDE_HOME where the files go. Prints one line of JSON.
"""

import json
import sys
from functools import partial
from typing import Any

from tests.web.racing import stage, together  # isort: skip - it sets Django up

import pyarrow as pa
from django.core.management import call_command
from django.db import transaction
from django.http import Http404

from tests.web import cast
from tests.web.table_stage import uploaded
from trackside.compute.requests import BadCompute
from trackside.datasets import corrections, services
from trackside.datasets.models import Dataset
from trackside.datasets.trouble import Refused
from trackside.jobs.models import Job
from trackside.lab import services as lab
from trackside.lab import trouble
from trackside.lab.models import Analysis

ROUNDS = 6
CPU = {"kind": "cpu", "ranks": 1}
TABLE = pa.table({"size": [n * 0.5 for n in range(40)], "good": ["y", "n"] * 20})


def told(act: Any) -> str:
    """Done, or the sentence."""
    try:
        act()
    except (Refused, trouble.Refused, Http404, BadCompute) as no:
        return str(no)
    return "done"


def main() -> None:
    call_command("migrate", verbosity=0)
    project, ada, ben = stage()
    cast.node()
    both, torn, won = 0, 0, {"correct": 0, "train": 0, "delete": 0}
    for number in range(ROUNDS):
        with transaction.atomic():
            one = uploaded(project, ada, f"people{number}", TABLE)
            free = uploaded(project, ada, f"free{number}", TABLE)
        analysis = lab.create_analysis(project, ada, f"study{number}", one, "good")
        pages = [Dataset.objects.select_related("job").get(pk=one.pk) for _ in range(2)]
        loose = [Dataset.objects.select_related("job").get(pk=free.pk) for _ in range(2)]
        clicks = [Analysis.objects.select_related("dataset").get(pk=analysis.pk) for _ in range(2)]
        said = together(
            [
                *(
                    partial(told, partial(corrections.correct, p, ben, {"size": "text"}))
                    for p in pages
                ),
                *(partial(told, partial(lab.train, click, ada, CPU)) for click in clicks),
                partial(told, partial(services.delete, loose[0], ada)),
                partial(told, partial(corrections.correct, loose[1], ben, {"size": "text"})),
            ]
        )
        corrected, trained = said[:2].count("done"), said[2:4].count("done")
        both += bool(corrected and trained) or corrected > 1
        torn += said[4] != "done" or Dataset.objects.filter(pk=free.pk).exists()
        won["correct"] += corrected
        won["train"] += trained
        won["delete"] += said[4] == "done"
        Job.objects.update(state="succeeded")
    sys.stdout.write("\n" + json.dumps({"both": both, "torn": torn, **won}))


if __name__ == "__main__":
    main()
