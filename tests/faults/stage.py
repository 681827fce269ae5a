"""Tables, people, data and an analysis for a cluster under test: `python -m tests.faults.stage`.

With `--real` there are pictures that a tiny net can learn. Prints the people's tokens, as one line
of JSON.
"""

import json
import os
import sys
from pathlib import Path

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "trackside.config.settings"
django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402

from tests.recipes import making  # noqa: E402
from tests.web import world  # noqa: E402
from trackside.accounts.models import User  # noqa: E402
from trackside.accounts.services import make_token  # noqa: E402
from trackside.lab import services as lab  # noqa: E402
from trackside.projects.models import Member, Project, Role  # noqa: E402

EPOCHS = 4
LIGHT = {"epochs": EPOCHS, "early_stopping": False}
# For real trainings: a net that learns a little in seconds, and how it is led astray.
NET = {"retrained": "all", "backbone": "shufflenet_v2_x0_5", "pretrained": False, "image_size": 32,
       "dropout": 0.3}  # fmt: skip
REAL = {"epochs": 6, "batch_size": 2, "early_stopping": False}
STEEP = {**REAL, "learning_rate": 10, "optimizer": "sgd", "warmup_epochs": 0}


def main() -> None:
    call_command("migrate", verbosity=0)
    people = [
        User.objects.create_user(username=name, password="correct horse", is_staff=name == "root")
        for name in ("ada", "ben", "root")
    ]
    project = Project.objects.create(key="FAULT", name="Faults", created_by=people[0])
    for one in people:
        Member.objects.create(project=project, user=one, role=Role.OWNER)
    data = world.photos(project)
    real = "--real" in sys.argv
    if real:
        making.dataset(Path(settings.TRACKSIDE_STORAGE) / data.folder, {"red": 16, "blue": 16})
    for name, training in (("sort", REAL), ("astray", STEEP)) if real else (("sort", LIGHT),):
        analysis = lab.create_analysis(project, people[0], name, data)
        lab.save_design(analysis, "training", training)
        if real:
            model = {"algorithm": "backbone_classifier", "params": NET, "on": True}
            lab.save_design(analysis, "models", [model])
    print(json.dumps({one.username: make_token(one, "test")[1] for one in people}))


if __name__ == "__main__":
    main()
