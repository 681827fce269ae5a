"""A supervised process: its lines arrive whole, it starts again after a pause, it dies with us."""

import contextlib
import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from tests.product import until
from workers import child as child_module
from workers import remains
from workers.child import Child, Part, how
from workers.prefixed_log import LARGEST, PrefixedLog


def python(source: str, name: str = "part", **environment: str) -> Child:
    return Child(Part(name, (sys.executable, "-c", source)), {**os.environ, **environment})


def run_to_end(child: Child) -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    with contextlib.closing(child.start(0.0)) as source:
        until(
            lambda: not child.lines(source, lambda *line: lines.append(line)), "its output to end"
        )
    until(lambda: not child.alive, "the process to end", every=0.01)
    return lines


@pytest.mark.process
def test_what_it_writes_arrives_line_by_line_with_its_name() -> None:
    child = python("import sys; print('one'); sys.stderr.write('two'); sys.stderr.flush()")
    assert run_to_end(child) == [("part", "one"), ("part", "two")]


@pytest.mark.process
def test_it_starts_again_with_growing_pauses_and_a_steady_one_starts_anew() -> None:
    child = python("raise SystemExit(3)")
    pauses = []
    for now in (0.0, 10.0, 20.0, 500.0):
        child.started = now
        run_to_end(child)
        child.started = 0.0 if now == 500.0 else now
        sentence = child.ended(now)
        assert "ended with exit code 3" in sentence
        pauses.append((child.due or 0) - now)
    assert pauses == [0.5, 1.0, 2.0, 0.5]


def test_pauses_end_at_a_limit() -> None:
    child = Child(Part("part", ()), {}, failures=40, started=0.0)
    child.ended(1.0)
    assert child.due == 1.0 + child_module.LONGEST_PAUSE


def test_its_end_is_told_in_words() -> None:
    assert how(1) == "ended with exit code 1"
    assert how(-signal.SIGKILL) == "was ended by SIGKILL"


PARENT = """
import os, sys, time
from workers.child import Child, Part
command = (sys.executable, "-c", "import time; time.sleep(600)")
child = Child(Part("sleeper", command), dict(os.environ))
child.start(0.0)
print(child.process.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.process
def test_it_dies_with_a_supervisor_that_was_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        child = int(parent.stdout.readline())
        parent.kill()
        parent.wait()
    until(lambda: not Path(f"/proc/{child}").exists() or zombie(child), "the child to die")


def zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.process
def test_what_remains_of_a_home_is_found_by_its_tag_and_ended() -> None:
    tag = uuid.uuid4().hex
    deaf = (
        "import signal as s, time; s.signal(15, s.SIG_IGN); print(1, flush=True); time.sleep(600)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", deaf],
        env={**os.environ, "TRACKSIDE_HOME_ID": tag},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    with process.stdout:
        process.stdout.readline()
    assert remains.tagged(tag) == [process.pid]
    assert remains.tagged(tag, named="valkey-server") == []
    assert remains.end(tag, grace=0.2) == 1
    assert process.wait() == -signal.SIGKILL
    assert remains.tagged(tag) == []


def test_the_log_names_the_writer_and_keeps_a_file_each(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    log = PrefixedLog(tmp_path, terminal=writing)
    log.line("web", "hello")
    log.say("words")
    os.close(writing)
    with os.fdopen(reading) as shown:
        assert shown.read() == "web       | hello\nwords\n"
    assert (tmp_path / "web.log").read_text().endswith("Z hello\n")
    assert (tmp_path / "supervisor.log").read_text().endswith("Z words\n")


def test_a_log_file_that_grew_large_makes_room(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    (tmp_path / "web.log").write_bytes(b"x" * (LARGEST + 1))
    PrefixedLog(tmp_path, terminal=writing).line("web", "new")
    os.close(writing)
    assert (tmp_path / "web.log").stat().st_size < 100
    assert (tmp_path / "web.log.1").stat().st_size == LARGEST + 1


def test_a_terminal_nobody_reads_does_not_stop_the_product(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    log = PrefixedLog(tmp_path, terminal=writing)
    for _ in range(200):
        log.line("web", "x" * 2000)
    assert len((tmp_path / "web.log").read_text().splitlines()) == 200
    os.close(reading)
    os.close(writing)
