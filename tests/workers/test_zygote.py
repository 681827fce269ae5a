"""The zygote: forks leaders that are free of it, and refuses when a fork would not be safe."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from recipes import processes, zygote
from tests.workers import gangs


@pytest.fixture
def warm(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(
        [sys.executable, str(gangs.RANKS), "zygote", str(tmp_path / "z")],
        env={**os.environ, processes.TAG: processes.BLANK_TAG},
        start_new_session=True,
    )
    gangs.until((tmp_path / "z").exists, "the zygote")
    yield process
    process.terminate()
    process.wait(60)


def ask(tmp_path: Path, **request: Any) -> dict[str, Any]:
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(30)
        line.connect(str(tmp_path / "z"))
        line.sendall(json.dumps(request).encode() + b"\n")
        return dict(json.loads(line.makefile("rb").readline()))


@pytest.mark.process
def test_a_fork_runs_the_folder_and_leaves_no_zombie(tmp_path: Path, warm: Any) -> None:
    where = gangs.folder(tmp_path, "finish")
    answer = ask(tmp_path, folder=str(where))
    gangs.until(lambda: (where / "attempt.json").exists(), "the leader")
    gangs.until(lambda: gangs.outcome(where)["exit"] == 0, "the end")
    assert (gangs.outcome(where)["pid"], gangs.outcome(where)["started"]) == (
        answer["pid"],
        answer["start"],
    )
    gangs.until(lambda: processes.look(answer["pid"]) is None, "the leader to be buried")


@pytest.mark.process
def test_forks_are_found_by_their_tag_and_survive_the_zygote(tmp_path: Path, warm: Any) -> None:
    where = gangs.folder(tmp_path, "work")
    answer = ask(tmp_path, folder=str(where))
    ranks = {gangs.rank(where, number)["pid"] for number in (0, 1)}
    assert {one.pid for one in processes.wearing(gangs.mark(where))} == {answer["pid"], *ranks}
    warm.terminate()
    assert warm.wait(60) == 0
    assert not (tmp_path / "z").exists()
    assert len(processes.wearing(gangs.mark(where))) == 3
    os.kill(answer["pid"], signal.SIGTERM)
    gangs.until(lambda: gangs.nobody(where), "the gang to end")
    assert gangs.outcome(where)["exit"] == 143


@pytest.mark.process
def test_a_bad_request_is_answered_and_changes_nothing(tmp_path: Path, warm: Any) -> None:
    assert "is no job folder" in ask(tmp_path, folder=str(tmp_path / "nothing"))["error"]
    assert "error" in ask(tmp_path, folder=7)
    assert ask(tmp_path)["pid"] == warm.pid


def test_a_second_thread_forbids_forking() -> None:
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    try:
        with pytest.raises(zygote.Unsafe, match=r"threads, so a fork of it could hang"):
            zygote.check()
    finally:
        over.set()
        thread.join()


@pytest.mark.process
def test_the_real_preload_keeps_one_thread_and_leaves_cuda_alone() -> None:
    code = (
        "import os; from recipes import zygote; os.environ.update(zygote.ONE_THREAD);"
        "zygote.preload(); zygote.check(); import torch; print(torch.cuda.is_initialized())"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert told.stdout == "False\n", told.stderr


@pytest.mark.process
def test_who_gave_up_waiting_gets_no_second_leader(
    tmp_path: Path, warm: "subprocess.Popen[bytes]"
) -> None:
    """The agent has started the job cold meanwhile: two leaders must not share a folder."""
    where = gangs.folder(tmp_path, "finish")
    os.kill(warm.pid, signal.SIGSTOP)
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(tmp_path / "z"))
        line.sendall(json.dumps({"folder": str(where)}).encode() + b"\n")
    os.kill(warm.pid, signal.SIGCONT)
    assert ask(tmp_path)["pid"] == warm.pid  # it has looked at all that came before
    children = Path(f"/proc/{warm.pid}/task/{warm.pid}/children").read_text().split()
    assert not children
    assert not (where / "attempt.json").exists()
