"""The units of deploy/systemd, read as systemd reads them, and a real systemd that runs them.

It is systemd's user instance in namespaces of its own (processes, mounts) that knows the units of
one folder and nothing else: none of its acts reaches the machine.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.product import ROOT, until

UNITS = ROOT / "deploy" / "systemd"
SYSTEMD = Path("/lib/systemd/systemd")
TARGETS = ("basic", "sysinit", "sockets", "network-online", "multi-user", "shutdown")
# What a user instance cannot do: other accounts, and three parts of the sandbox. The rest stays,
# but for a /tmp of its own: the checkout itself may lie there.
APART = (
    "User=\nGroup=\nPrivateTmp=no\nProtectHome=no\nProtectKernelLogs=no\nProtectKernelTunables=no\n"
)
INSIDE = """
mount --make-rprivate / && mount -t tmpfs -o mode=755 tmpfs /run && mkdir -p /run/systemd/system
/lib/systemd/systemd --user --unit=basic.target &
wait $!
"""  # in the background: as the first process of a namespace it would take itself for the system's


def settings(unit: str) -> dict[str, list[str]]:
    """Every setting of a unit with all its values, in order."""
    found: dict[str, list[str]] = {}
    for line in (UNITS / unit).read_text().splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith(("#", " ")):
            found.setdefault(name, []).append(value)
    return found


def environment(unit: str) -> dict[str, str]:
    """What its Environment= lines say."""
    pairs = " ".join(settings(unit).get("Environment", [])).split()
    return dict(pair.split("=", 1) for pair in pairs)


@dataclass
class Systemd:
    """A running user instance and the first process of its namespaces."""

    runtime: Path
    first: int

    def ctl(self, *words: str, check: bool = True) -> str:
        """It listens to nobody from outside."""
        inside = ("nsenter", f"--target={self.first}", "--mount", "--pid")
        done = subprocess.run(
            [*inside, "systemctl", "--user", "--no-pager", *words],
            env={**os.environ, "XDG_RUNTIME_DIR": str(self.runtime)},
            capture_output=True,
            text=True,
        )
        assert not check or done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def show(self, unit: str, name: str) -> str:
        return self.ctl("show", unit, f"--property={name}", "--value")


def install(units: Path, places: dict[str, str], **drop_ins: str) -> None:
    """Copies of all our units with other paths in them, and more lines for some of them."""
    units.mkdir()
    for name in TARGETS:
        (units / f"{name}.target").write_text("[Unit]\nDefaultDependencies=no\n")
    for unit in [*UNITS.glob("*.service"), *UNITS.glob("*.socket")]:
        text = unit.read_text()
        for old, new in places.items():
            text = text.replace(old, new)
        (units / unit.name).write_text(text)
    for name, lines in drop_ins.items():
        unit = next(units.glob(f"trackside-{name}*.service"))
        place = units / f"{unit.name}.d"
        place.mkdir()
        (place / "test.conf").write_text(f"[Service]\n{lines}\n")


@contextmanager
def running(folder: Path, units: Path) -> Iterator[Systemd]:
    """systemd with these units; all that it started is gone afterwards."""
    runtime = folder / "x"
    runtime.mkdir(mode=0o700)
    told = {
        "SYSTEMD_LOG_TARGET": "console",
        "SYSTEMD_LOG_LEVEL": "info",
        "SYSTEMD_GENERATOR_PATH": "/nonexistent",
    }
    place = {"XDG_RUNTIME_DIR": str(runtime), "SYSTEMD_UNIT_PATH": str(units), "HOME": str(folder)}
    enter = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
    with (folder / "systemd.log").open("wb") as log:
        process = subprocess.Popen(
            [*enter, "sh", "-c", INSIDE],
            env={"PATH": os.environ["PATH"], **told, **place},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield _ready(process, runtime, folder / "systemd.log")
        finally:
            process.kill()
            process.wait()
            _forget_groups()


def _forget_groups() -> None:
    """Empty control groups stay behind a user instance; one with a process cannot be removed."""
    roots = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified"))
    for place in (root / "app.slice" for root in roots):
        for group in sorted(place.rglob("*trackside*"), reverse=True):
            if group.is_dir():
                with suppress(OSError):
                    group.rmdir()
        with suppress(OSError):
            place.rmdir()


def _ready(process: "subprocess.Popen[bytes]", runtime: Path, log: Path) -> Systemd:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")

    def there() -> Systemd | None:
        if process.poll() is not None:
            pytest.skip(f"systemd does not run here: {log.read_text()[-300:]}")
        first = children.read_text().split()
        one = Systemd(runtime, int(first[0])) if first else None
        up = one and one.ctl("is-active", "basic.target", check=False) == "active"
        return one if up else None

    found: Systemd = until(there, f"systemd to be up; its log is {log}", seconds=30)
    return found


def require() -> None:
    """Skip where systemd, or the right to give it namespaces, is missing."""
    if not SYSTEMD.exists() or not shutil.which("systemctl"):
        pytest.skip("systemd is not installed here.")
    command = ("unshare", "--mount", "--pid", "--fork", "--mount-proc", "true")
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("This user may not make namespaces: systemd cannot be run apart.")
