"""Usage settled by many at once, in a process of its own: `python -m tests.web.usage_race`.

DATABASE_URL says which database. Prints the sums as one line of JSON.
"""

import json
import os
import sys
from datetime import timedelta
from functools import partial
from typing import Any

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "trackside.config.settings"
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db.models import Sum  # noqa: E402
from django.utils import timezone  # noqa: E402

from tests.web import cast  # noqa: E402
from tests.web.racing import stage, together  # noqa: E402
from trackside.compute import usage  # noqa: E402
from trackside.compute.models import Lease, Usage  # noqa: E402

HELD = timedelta(hours=2)
BEATS = 8


def main() -> None:
    call_command("migrate", verbosity=0)
    project, ada, _ = stage()
    node = cast.node(gpus=2)
    uuids = ["GPU-gpu-01-0", "GPU-gpu-01-1"]
    cast.claimed(cast.submit(project, ada, compute={"kind": "gpus", "uuids": uuids}))
    begun = timezone.now()
    Lease.objects.update(taken_at=begun)
    Lease.objects.filter(pk__in=uuids).update(used_seconds=600)
    end = begun + HELD
    acts: list[Any] = [partial(usage.settle_all, end) for _ in range(8)]
    acts += [partial(usage.settle, lease, end) for lease in Lease.objects.all()]
    acts += [partial(cast.beat, node, now=begun) for _ in range(BEATS)]
    together(acts)
    usage.settle_all(end)
    found: dict[str, Any] = Usage.objects.aggregate(
        gpu=Sum("gpu_seconds"), used=Sum("used_seconds"), jobs=Sum("jobs")
    )
    found["left"] = Lease.objects.exclude(counted_at=end).count()
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
