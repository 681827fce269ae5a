"""`make run`'s supervisor with the real processes: what dies comes back, what stops is gone."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.product import ROOT, Product, running, until

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with running(tmp_path_factory.mktemp("supervised") / "home", fresh=True) as product:
        yield product


def ours(product: Product, named: str) -> list[psutil.Process]:
    """Processes of this home whose command line holds `named`."""
    found = []
    for process in psutil.process_iter():
        try:
            home = process.environ().get("TRACKSIDE_HOME")
            if home == str(product.home) and named in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def start_again(product: Product, **environment: str) -> "subprocess.CompletedProcess[str]":
    """A second supervisor of the same home, run to its end."""
    return subprocess.run(
        [sys.executable, "-m", "workers.supervisor"],
        cwd=ROOT,
        env={**os.environ, "TRACKSIDE_HOME": str(product.home), **environment},
        capture_output=True,
        text=True,
    )


def test_it_says_where_it_runs_and_how_to_sign_in(product: Product) -> None:
    log = product.home / "logs" / "supervisor.log"
    until(lambda: product.url in log.read_text(), "the address")
    assert str(product.home / "admin.json") in log.read_text()
    assert product.password not in log.read_text()


def test_the_password_file_is_for_its_owner_only(product: Product) -> None:
    assert (product.home / "admin.json").stat().st_mode & 0o777 == 0o600
    assert product.home.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "part", ["workers.web", "workers.scheduler", "workers.agent", "valkey-server"]
)
def test_a_process_that_was_killed_comes_back(product: Product, part: str) -> None:
    [before] = ours(product, part)
    before.send_signal(signal.SIGKILL)

    def again() -> bool:
        return [found.pid for found in ours(product, part)] not in ([], [before.pid])

    until(again, f"{part} to come back")
    until(lambda: httpx.get(f"{product.url}/readyz", verify=False).status_code == 200, "readiness")


def test_a_request_waits_while_the_web_comes_back(product: Product) -> None:
    [web] = ours(product, "workers.web")
    web.send_signal(signal.SIGKILL)
    web.wait()
    assert httpx.get(f"{product.url}/healthz", timeout=60).status_code == 200


def test_a_second_start_of_the_same_home_is_refused_with_the_address(product: Product) -> None:
    told = start_again(product, PORT="0")
    assert told.returncode == 1
    assert f"already runs from {product.home}" in told.stderr
    assert product.url in told.stderr


def test_a_second_start_on_a_taken_port_is_refused_with_a_way_out(
    product: Product, tmp_path: Path
) -> None:
    port = product.url.rpartition(":")[2]
    told = start_again(product, TRACKSIDE_HOME=str(tmp_path / "other"), PORT=port)
    assert told.returncode == 1
    assert f"Port {port} is taken" in told.stderr


def test_nothing_listens_but_the_web_on_loopback(product: Product) -> None:
    listening = {
        (part.laddr.ip, part.laddr.port)
        for process in ours(product, "")
        for part in process.net_connections("tcp")
        if part.status == psutil.CONN_LISTEN
    }
    assert listening == {("127.0.0.1", int(product.url.rpartition(":")[2]))}


def test_nothing_lives_on_when_the_supervisor_itself_is_killed(tmp_path: Path) -> None:
    with running(tmp_path / "home") as product:
        [supervisor] = ours(product, "workers.supervisor")
        supervisor.kill()
        # The zygote and the catalogue look for their parent only once torch is loaded.
        until(lambda: not ours(product, ""), "everything to be gone", seconds=180)
