"""What comes before the processes, in one of its own: tables, served files, the first start.

`--without-pages` leaves out the served files, which compose collects in the web's own image.
"""

import hashlib
import io
import os
import sys
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command

from workers import premises


def main(*, pages: bool = True) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "trackside.config.settings")
    django.setup()
    os.umask(0o077)
    call_command(
        "check", stdout=io.StringIO()
    )  # loads every address: a page that cannot be built is told now, once
    call_command("migrate", interactive=False, verbosity=0)
    if pages:
        _collect(Path(settings.STATIC_ROOT), [Path(name) for name in settings.STATICFILES_DIRS])
    call_command("first_start")


def _collect(root: Path, sources: list[Path]) -> None:
    """Hash and compress the served files, only when one of them changed."""
    stamp = root / ".stamp"
    now = _state(sources)
    if stamp.is_file() and stamp.read_text() == now:
        return
    call_command("collectstatic", interactive=False, verbosity=0, clear=True)
    stamp.write_text(now)


def _state(sources: list[Path]) -> str:
    state = hashlib.sha256()
    for path in sorted(path for source in sources for path in source.rglob("*")):
        if path.is_file():
            found = path.stat()
            state.update(f"{path}\0{found.st_size}\0{found.st_mtime_ns}\n".encode())
    return state.hexdigest()


if __name__ == "__main__":
    try:
        premises.refuse_unsafe_settings()
    except premises.CannotStart as problem:
        sys.exit(str(problem))
    main(pages="--without-pages" not in sys.argv[1:])
