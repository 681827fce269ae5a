"""What a new installation begins with: an administrator, and a project to try things in.

Nothing has a default password: user name, random password and token go into
`$TRACKSIDE_HOME/admin.json`, mode 0600, once.
"""

import json
import os
import secrets
from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction

from trackside.accounts.models import User
from trackside.accounts.services import create_user, make_token
from trackside.datasets import services as datasets
from trackside.datasets.models import Dataset
from trackside.lab.models import Analysis
from trackside.lab.services import default_design
from trackside.projects.models import Project
from trackside.projects.services import create_project

ADMIN = "admin"
TASK = "image_classification"
ABOUT = (
    "300 photos of a rolled metal surface with three kinds of defects, made by Trackside itself. "
    "Open the analysis in the Lab and click Train. Delete this project when you need it no more."
)


def letter() -> Path:
    return Path(settings.TRACKSIDE_HOME) / "admin.json"


def _draft() -> Path:
    return letter().with_name(".admin.json")


def needed() -> bool:
    """Nobody is here yet. Ends a first start that was cut off before its letter was delivered."""
    if not User.objects.exists():
        return True
    if _draft().exists() and not letter().exists():
        _draft().replace(letter())
    return False


def begin(demo: Path) -> Path | None:
    """The administrator and the demo, all or nothing; None when another start was quicker."""
    password = secrets.token_urlsafe(18)
    try:
        with transaction.atomic():
            admin = create_user(
                None, username=ADMIN, password=password, display_name="Administrator", staff=True
            )
            _, token = make_token(admin, "first start")
            _demo_project(admin, demo)
            _write(password, token)
    except IntegrityError:
        if User.objects.exists():
            return None
        raise
    _draft().replace(letter())
    return letter()


def _write(password: str, token: str) -> None:
    said = {"url": settings.SITE_URL, "username": ADMIN, "password": password, "token": token}
    _draft().unlink(missing_ok=True)
    descriptor = os.open(_draft(), os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as out:
        json.dump(said, out, indent=1)
        out.flush()
        os.fsync(out.fileno())


def _demo_project(admin: User, demo: Path) -> None:
    project = create_project(admin, key="DEMO", name="Surface defects", description=ABOUT)
    with demo.open("rb") as source:
        file = UploadedFile(file=source, name="surface_defects.zip", size=demo.stat().st_size)
        photos = datasets.upload(project, admin, "surface_defects", file)
    _analysis(project, photos, admin)


def _analysis(project: Project, photos: Dataset, admin: User) -> Analysis:
    """Ready before its photos are: Train says that they are being imported until then."""
    return Analysis.objects.create(
        project=project,
        name="defect classifier",
        dataset=photos,
        task=TASK,
        target="label",
        design=default_design({}, TASK),
        created_by=admin,
    )
