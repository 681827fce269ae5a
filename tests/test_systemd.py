"""deploy/systemd: systemd accepts the units, and none of them would take the jobs along."""

import importlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.product import ROOT
from tests.systemd import UNITS, environment, install, settings

SERVICES = sorted(path.name for path in UNITS.glob("*.service"))
AGENT = "trackside-agent@.service"


def test_systemd_accepts_every_unit(tmp_path: Path) -> None:
    verify = shutil.which("systemd-analyze")
    if not verify:
        pytest.skip("systemd-analyze is not installed here.")
    here = {"/opt/trackside/.venv/bin/python": sys.executable, "/opt/trackside": str(ROOT)}
    install(tmp_path / "units", here)
    units = [str(tmp_path / "units" / path.name) for path in UNITS.glob("trackside-*.s*e*")]
    told = subprocess.run([verify, "verify", "--man=no", *units], capture_output=True, text=True)
    assert (told.returncode, told.stderr) == (0, "")


@pytest.mark.parametrize("unit", SERVICES)
def test_a_unit_starts_a_module_of_ours_without_rights(unit: str) -> None:
    one = settings(unit)
    [command] = one["ExecStart"]
    found = re.fullmatch(r"/opt/trackside/\.venv/bin/python -m (workers\.\w+)( 3)?", command)
    assert found, command
    assert importlib.util.find_spec(found[1])
    assert one["User"] == ["trackside"]
    assert one["CapabilityBoundingSet"] == [""]
    for name in ("NoNewPrivileges", "RestrictSUIDSGID", "ProtectHome", "LockPersonality"):
        assert one[name] == ["yes"], name
    assert one["ProtectSystem"] == ["strict"]
    assert one["WorkingDirectory"] == ["/opt/trackside"]
    assert environment(unit)["DJANGO_SETTINGS_MODULE"] == "trackside.config.settings"
    assert environment(unit)["TRACKSIDE_HOME"] == "/var/lib/trackside"
    assert one["EnvironmentFile"][0] == "/etc/trackside/trackside.env"


def test_the_agents_unit_touches_no_job() -> None:
    one = settings(AGENT)
    assert one["KillMode"] == ["process"]
    assert one["KillSignal"] == ["SIGTERM"]
    assert one["OOMPolicy"] == ["continue"]
    assert one["PrivateTmp"] == ["no"]
    assert "RuntimeDirectory" not in one
    assert one["Restart"] == ["always"]
    assert one["StartLimitIntervalSec"] == ["0"]
    assert environment(AGENT)["TRACKSIDE_NODE"] == "%i"
    assert environment(AGENT)["TMPDIR"] == "/var/lib/trackside/tmp"


def test_the_agent_sees_nvidias_devices_and_the_intake_may_leave_the_network() -> None:
    one = settings(AGENT)
    for hides in ("PrivateDevices", "DevicePolicy", "DeviceAllow", "ProtectClock", "ProtectProc"):
        assert hides not in one, hides
    assert "MemoryDenyWriteExecute" not in one
    assert one["RestrictNamespaces"] == ["user net"]


def test_an_agent_gets_the_time_it_takes_to_end_its_jobs() -> None:
    from workers.agent import LEAVE_WITHIN

    assert float(settings(AGENT)["TimeoutStopSec"][0]) > LEAVE_WITHIN + 10


def test_whoever_needs_the_tables_waits_for_them() -> None:
    for unit in ("trackside-web.service", "trackside-scheduler.service"):
        one = settings(unit)
        assert "trackside-prepare.service" in one["After"][0].split()
        assert "trackside-prepare.service" in one["Requires"][0].split()
    assert settings("trackside-prepare.service")["Type"] == ["oneshot"]
    assert "RemainAfterExit" not in settings("trackside-prepare.service")  # it runs at each start


def test_the_web_listens_on_this_machine_only() -> None:
    [address] = settings("trackside-web.socket")["ListenStream"]
    assert address == "127.0.0.1:8000"


def test_the_example_environment_names_what_trackside_reads() -> None:
    reading = "\n".join(
        path.read_text()
        for folder in ("platform/trackside", "workers", "recipes")
        for path in (ROOT / folder).rglob("*.py")
    )
    for file in UNITS.glob("*.env.example"):
        for name in re.findall(r"^#?([A-Z][A-Z_]+)=", file.read_text(), re.M):
            assert re.search(rf"""["']{name}["']""", reading), f"{file.name}: nobody reads {name}"


def test_the_account_has_the_containers_number() -> None:
    [number] = re.findall(
        r"^u trackside (\d+):\d+", (UNITS / "trackside.sysusers.conf").read_text(), re.M
    )
    assert f"--uid {number}" in (ROOT / "Dockerfile").read_text()
