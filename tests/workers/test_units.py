"""Upgrades by systemd leave jobs alone: the units themselves, run with real processes."""

import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
import yaml

from recipes import processes
from tests import systemd
from tests.product import ROOT
from tests.workers import gangs
from tests.workers.conftest import Node
from trackside.compute.models import Node as NodeRow
from trackside.jobs import services
from trackside.jobs.models import Attempt, Event, Job
from trackside.jobs.states import JOB_OVER

pytestmark = pytest.mark.process
AGENT = "trackside-agent@.service"


def places(node: Node) -> dict[str, str]:
    """The units' paths, as they are in this test."""
    return {
        "/opt/trackside/.venv/bin/python": sys.executable,
        "/opt/trackside": str(ROOT),
        "/var/lib/trackside": str(node.home),
        "/srv/trackside": str(node.home / "storage"),
        "/etc/trackside": str(node.home),
        "127.0.0.1:8000": str(node.home / "web"),
    }


def moved(node: Node, text: str) -> str:
    for old, new in places(node).items():
        text = text.replace(old, new)
    return text.replace("%i", "here")


@pytest.fixture
def told(node: Node) -> Node:
    """The environment files of this machine, and the folders that systemd would make."""
    (node.home / "tmp").mkdir()
    own = ("TRACKSIDE_HOME", "TRACKSIDE_NODE", "DJANGO_SETTINGS_MODULE")
    lines = [f"{name}={value}" for name, value in node.environment.items() if name not in own]
    (node.home / "trackside.env").write_text("\n".join(lines))
    (node.home / "agent-here.env").write_text("TRACKSIDE_FAKE_GPUS=2xL4-24GB\n")
    return node


def goes_on_and_ends(node: Node, job: Job, attempt: Attempt) -> None:
    """The job that a former agent started is followed by this one, to its good end."""
    before = Event.objects.filter(job=job).count()
    gangs.until(lambda: Event.objects.filter(job=job).count() > before + 5, "its events go on")
    services.stop(job, user=node.user, how="finish_early")
    node.until(job, "succeeded")
    steps = list(Event.objects.filter(job=job, type="step").order_by("seq"))
    assert [one.data["step"] for one in steps] == list(range(1, len(steps) + 1))
    assert Job.objects.get(pk=job.pk).fence == attempt.fence == 1


def test_the_units_command_stopped_as_systemd_stops_it_leaves_the_job_to_the_next_agent(
    told: Node,
) -> None:
    node, unit = told, systemd.settings(AGENT)
    [command] = unit["ExecStart"]
    [kill_mode], [kill_signal] = unit["KillMode"], unit["KillSignal"]
    files = (node.home / "trackside.env", node.home / "agent-here.env")
    given = dict(line.split("=", 1) for file in files for line in file.read_text().splitlines())
    own = {name: moved(node, value) for name, value in systemd.environment(AGENT).items()}

    def start() -> "subprocess.Popen[bytes]":
        node.logs.append(node.home / f"agent{len(node.logs)}.log")
        with node.logs[-1].open("wb") as out:
            return subprocess.Popen(
                shlex.split(moved(node, command)),
                cwd=moved(node, unit["WorkingDirectory"][0]),
                env={"PATH": os.environ["PATH"], **own, **given},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    assert kill_mode == "process"
    first = start()
    gangs.until(lambda: NodeRow.objects.filter(name="here", warm=True).exists(), "a warm agent")
    job = node.submit("work", kind="preview")
    attempt = running(node, job)
    first.send_signal(signal.Signals[kill_signal])
    assert first.wait(60) == 0
    assert processes.look(attempt.pid or 0)
    node.agent = start()
    goes_on_and_ends(node, job, attempt)


def running(node: Node, job: Job) -> Attempt:
    node.until(job, "running")
    return node.attempt(job)


@pytest.fixture
def manager(told: Node, tmp_path: Path) -> Iterator[systemd.Systemd]:
    systemd.require()
    log = f"StandardOutput=append:{told.home}/agent0.log\nStandardError=inherit\n"
    told.logs.append(told.home / "agent0.log")
    own = f"{systemd.APART}ReadWritePaths={tempfile.gettempdir()}\n{log}"  # where the state is
    lines = dict.fromkeys(("agent", "prepare", "web", "scheduler"), own)
    systemd.install(tmp_path / "units", places(told), **lines)
    with systemd.running(tmp_path, tmp_path / "units") as one:
        yield one
        one.ctl("stop", "trackside-agent@here.service", "trackside-web.socket", "trackside-*")
    for process in told.left():
        os.kill(process.pid, signal.SIGKILL)


def test_systemd_restarts_the_agent_and_the_job_in_its_control_group_lives_on(
    told: Node, manager: systemd.Systemd
) -> None:
    unit = "trackside-agent@here.service"
    manager.ctl("start", unit)
    gangs.until(lambda: NodeRow.objects.filter(name="here", warm=True).exists(), told.said())
    row = NodeRow.objects.get(name="here")
    assert (row.simulated, row.gpus.count()) == (True, 2)  # agent-here.env was read
    job = told.submit("work", kind="preview")
    attempt = running(told, job)
    ranks = told.left()
    manager.ctl("restart", unit)
    gangs.until(lambda: NodeRow.objects.get(name="here").epoch > row.epoch, told.said())
    assert [one.pid for one in told.left() if one.pid in {rank.pid for rank in ranks}]
    assert manager.show(unit, "NRestarts") == "0"
    goes_on_and_ends(told, job, attempt)


def test_systemd_starts_a_killed_agent_again_and_its_job_never_noticed(
    told: Node, manager: systemd.Systemd
) -> None:
    unit = "trackside-agent@here.service"
    manager.ctl("start", unit)
    gangs.until(lambda: NodeRow.objects.filter(name="here", warm=True).exists(), told.said())
    job = told.submit("work", kind="preview")
    attempt = running(told, job)
    epoch = NodeRow.objects.get(name="here").epoch
    manager.ctl("kill", "--signal=SIGKILL", "--kill-whom=main", unit)
    gangs.until(lambda: NodeRow.objects.get(name="here").epoch > epoch, told.said())
    assert manager.show(unit, "NRestarts") == "1"
    goes_on_and_ends(told, job, attempt)


def test_when_the_machine_goes_down_the_jobs_give_way_first(
    told: Node, manager: systemd.Systemd, tmp_path: Path
) -> None:
    unit = "trackside-agent@here.service"
    manager.ctl("start", unit)
    gangs.until(lambda: NodeRow.objects.filter(name="here", warm=True).exists(), told.said())
    job = told.submit("work", kind="preview")
    running(told, job)
    going_down = tmp_path / "bin"  # what `systemctl is-system-running` says in a shutdown
    going_down.mkdir()
    (going_down / "systemctl").write_text("#!/bin/sh\necho stopping\n")
    (going_down / "systemctl").chmod(0o755)
    place = tmp_path / "units" / "trackside-agent@.service.d" / "down.conf"
    place.write_text(f"[Service]\nEnvironment=PATH={going_down}:{os.environ['PATH']}\n")
    manager.ctl("daemon-reload")
    manager.ctl("stop", unit)
    assert not told.left()
    first = Attempt.objects.get(job=job, number=1)
    assert first.state in ("lost", "yielded"), first.state
    assert Job.objects.get(pk=job.pk).state not in JOB_OVER


def test_while_systemd_restarts_the_web_visitors_wait_and_none_is_refused(
    told: Node, manager: systemd.Systemd
) -> None:
    manager.ctl("start", "trackside-web.service", "trackside-scheduler.service")
    assert manager.show("trackside-prepare.service", "Result") == "success", told.said()
    over = threading.Event()
    answers: list[int] = []

    def visit() -> None:
        while not over.is_set():
            transport = httpx.HTTPTransport(uds=str(told.home / "web"))
            with httpx.Client(transport=transport, timeout=60) as visitor:
                answers.append(visitor.get("http://127.0.0.1/healthz").status_code)

    def served(most: int) -> None:
        gangs.until(lambda: len(answers) > most, "the web to answer")

    unit = "trackside-web.service"
    with ThreadPoolExecutor(2) as pool:
        visitors = [pool.submit(visit) for _ in range(2)]
        try:
            for _ in range(2):
                served(len(answers) + 20)
                before = manager.show(unit, "MainPID")
                manager.ctl("restart", unit)
                assert manager.show(unit, "MainPID") != before
                served(len(answers) + 20)
        finally:
            over.set()
        assert [one.result() for one in visitors] == [None, None]  # nobody was refused
    assert set(answers) == {200}
    assert manager.ctl("is-active", "trackside-scheduler.service") == "active"


@pytest.mark.parametrize("file", ["docker-compose.yml", "docker-compose.node.yml"])
def test_a_stopped_container_ends_its_jobs_and_its_next_start_takes_them_up(
    node: Node, file: str
) -> None:
    worker = yaml.safe_load((ROOT / file).read_text())["services"]["worker"]
    node.environment["TRACKSIDE_FAKE_GPUS"] = "1xL4-24GB"
    assert worker["command"] == ["python", "-m", "workers.agent"]  # what the fixture starts
    node.start()
    job = node.submit("work", kind="preview")
    first = running(node, job)
    node.end(signal.Signals[worker["stop_signal"]])
    assert not node.left()  # docker would have to kill nobody
    assert Job.objects.get(pk=job.pk).state not in JOB_OVER
    node.start()
    node.until(job, "running")
    gangs.until(lambda: node.attempt(job).number > first.number, "the next attempt")
    services.stop(job, user=node.user, how="finish_early")
    node.until(job, "succeeded")
