"""`manage.py first_start`: the first administrator and the demo project, once."""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from trackside.compute import storage
from trackside.flow.first_start import begin, needed


class Command(BaseCommand):
    help = "Makes the first administrator and the demo project. A second start changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--demo-zip", type=Path, help="the demo photos; made when not given")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            storage.mark(Path(settings.TRACKSIDE_STORAGE))
        except storage.BadStorage as wrong:
            raise CommandError(str(wrong)) from None
        if not needed():
            return
        with tempfile.TemporaryDirectory(prefix="trackside-") as folder:
            letter = begin(options["demo_zip"] or _photos(Path(folder) / "demo.zip"))
        if letter is not None:
            self.stdout.write(f"User name, password and token of the administrator: {letter}")


def _photos(target: Path) -> Path:
    """In a child, so that the web's modules never meet those that draw pictures."""
    command = [sys.executable, "-m", "recipes", "demo", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode or not target.is_file():
        raise CommandError(f"The demo photos could not be made: {done.stderr.strip()[-500:]}")
    return target
