"""Ranks that listen on all addresses: in a network of their own, or not at all unless allowed."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from recipes import job as jobs
from recipes import meeting, own_network, processes
from recipes.job import BadJob, Compute, Job
from recipes.learners import company
from recipes.learners.learner import Company
from tests.recipes.making import ROOT, events
from tests.recipes.tabling import about, dataset, job, small
from tests.recipes.warm import begin
from workers import verdict

pytestmark = pytest.mark.process
LISTENING = "0A"
TWO = {"ranks": 2, "threads": 1}
ENDLESS = {"params": {"rounds": 100_000, "early_stopping": False}}
XGBOOST = Job(job=1, kind="train", spec={"algorithm": "xgboost"}, compute=Compute(ranks=2))
NOBODY = 65534
# As this user: trains, looks at its ranks from where it stands itself, ends it, and tells.
ORDINARY = """
import json, os, subprocess, sys, time
from pathlib import Path
from recipes import processes
folder = Path(sys.argv[1])
blank = {**os.environ, processes.TAG: processes.BLANK_TAG}  # as workers/launch.py starts it
leader = subprocess.Popen([sys.executable, "-m", "recipes", str(folder)], env=blank)
journal = folder / "events.jsonl"
while not journal.exists() or '"type":"epoch"' not in journal.read_text():
    assert leader.poll() is None, (folder / "log.txt").read_text()
    time.sleep(0.05)
attempt = json.loads((folder / "attempt.json").read_text())
worn = [processes.worn(one.pid) for one in processes.children(leader.pid)]
spaces = {os.readlink(f"/proc/{one}/ns/net") for one in (leader.pid, os.getpid())}
(folder / "stop").write_text("finish_early")
told = {"code": leader.wait(), "worn": worn, "pid": attempt["pid"] == leader.pid}
print(json.dumps({**told, "apart": len(spaces) == 2, "user": os.getuid()}))
"""
# A user namespace in which nobody may have a network: as Docker's seccomp says, by other means.
FORBIDDEN = """
import os, sys
from pathlib import Path
from recipes import gang, own_network
from recipes.restraint import CLONE_NEWUSER
user = os.geteuid()
assert own_network._libc.unshare(CLONE_NEWUSER) == 0
Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
Path("/proc/sys/user/max_net_namespaces").write_text("0")
before = os.readlink("/proc/self/ns/net")
print(own_network.refusal())
assert os.readlink("/proc/self/ns/net") == before
sys.exit(gang.lead(Path(sys.argv[1])))
"""


@pytest.fixture
def permitted() -> None:
    if why := own_network.refusal():
        pytest.skip(f"This machine gives no process a network of its own: {why}.")


def learning(folder: Path) -> Any:
    """Its processes, once the first round is told."""
    running = begin(folder)
    while not (folder / "events.jsonl").exists() or not events(folder, "epoch"):
        assert running.poll() is None, (folder / "log.txt").read_text()
        time.sleep(0.05)
    return running


def listening(pid: int | str) -> dict[str, str]:
    """By inode where anybody listens, in the network of this process."""
    found = {}
    for name in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == LISTENING:
                found[words[9]] = words[1].partition(":")[0]
    return found


def sockets(pid: int) -> set[str]:
    links = [os.readlink(one) for one in Path(f"/proc/{pid}/fd").iterdir() if one.is_symlink()]
    return {one[8:-1] for one in links if one.startswith("socket:[")}


def test_no_rank_listens_on_an_address_of_the_machine(permitted: None, tmp_path: Path) -> None:
    data = dataset(tmp_path / "data", small(500))
    folder = job(tmp_path, data, "good", spec=ENDLESS, compute=TWO)
    running = learning(folder)
    ranks = [one.pid for one in processes.children(running.pid)]
    assert len(ranks) == 2
    host = listening("self")
    for rank in ranks:
        own = {one: at for one, at in listening(rank).items() if one in sockets(rank)}
        assert own, "XGBoost's ranks listen"
        assert not own.keys() & host.keys()
        assert os.readlink(f"/proc/{rank}/ns/net") != os.readlink("/proc/self/ns/net")
    (folder / "stop").write_text("finish_early")
    assert running.wait() == 0
    assert events(folder, "finished")[0]["facts"]["ranks"] == 2
    assert about(folder)["learned"]["rounds"] > 0
    told = json.loads((folder / "attempt.json").read_text())
    assert (told["exit"], told["reason"]) == (0, "")
    assert not [one for one in ranks if (found := processes.look(one)) and found.alive]


def test_one_rank_stays_in_the_network_of_the_machine(tmp_path: Path) -> None:
    data = dataset(tmp_path / "data", small(200))
    running = learning(job(tmp_path, data, "good", spec=ENDLESS))
    (rank,) = processes.children(running.pid)
    assert os.readlink(f"/proc/{rank.pid}/ns/net") == os.readlink("/proc/self/ns/net")
    (tmp_path / "job" / "stop").write_text("finish_early")
    assert running.wait() == 0


def test_ranks_in_their_own_network_are_ended_with_their_leader(
    permitted: None, tmp_path: Path
) -> None:
    data = dataset(tmp_path / "data", small(200))
    running = learning(job(tmp_path, data, "good", spec=ENDLESS, compute=TWO))
    ranks = [one.pid for one in processes.children(running.pid)]
    running.send_signal(9)
    running.wait()
    while [one for one in ranks if (found := processes.look(one)) and found.alive]:
        time.sleep(0.05)


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that an ordinary user reaches: pytest's own are root's."""
    folder = Path(tempfile.mkdtemp(prefix="ts-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def as_nobody(*command: object) -> list[str]:
    """In a mount namespace in which that user reaches this Python, which may be in root's home."""
    base = Path(sys.base_prefix)
    hidden = next((str(one) for one in base.parents if not one.stat().st_mode & 0o001), "")
    lines = []
    if hidden:
        lines = [
            "spot=$(mktemp -d)",
            f"mount --bind {base} $spot",
            f"mount -t tmpfs -o mode=755 none {hidden}",
            f"mkdir -p {base}",
            f"mount --move $spot {base}",
            "rmdir $spot",
        ]
    user = f"setpriv --reuid {NOBODY} --regid {NOBODY} --clear-groups"
    script = "\n".join(["set -e", *lines, f'exec {user} "$@"'])
    return ["unshare", "--mount", "sh", "-c", script, "sh", *map(str, command)]


def test_an_ordinary_user_trains_so_and_stays_who_they_are(place: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("It takes root to become an ordinary user.")
    home = {"HOME": str(place), "PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    refused = "from recipes import own_network; print(own_network.refusal())"
    can = subprocess.run(
        as_nobody(sys.executable, "-c", refused), env=home, capture_output=True, text=True
    )
    if can.returncode or can.stdout.strip():
        pytest.skip(f"No ordinary user gets a network here: {can.stdout} {can.stderr[-300:]}")
    data = dataset(place / "data", small(300))
    folder = job(place, data, "good", spec=ENDLESS, compute=TWO)
    for one in (folder, *folder.iterdir()):
        os.chown(one, NOBODY, NOBODY)
    done = subprocess.run(
        as_nobody(sys.executable, "-c", ORDINARY, folder),
        env=home, cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert done.returncode == 0
    told = json.loads(done.stdout.splitlines()[-1])
    mark = processes.tag(1, 1, folder)
    assert told == {"code": 0, "worn": [mark, mark], "pid": True, "apart": True, "user": NOBODY}
    assert events(folder, "finished")[0]["facts"]["ranks"] == 2
    owners = {(one.stat().st_uid, one.stat().st_gid) for one in folder.rglob("*")}
    assert owners == {(NOBODY, NOBODY)}


def test_where_it_is_not_permitted_a_child_finds_out_and_no_rank_begins(
    permitted: None, tmp_path: Path
) -> None:
    folder = job(tmp_path, dataset(tmp_path / "data", small()), "good", compute=TWO)
    command = [sys.executable, "-c", FORBIDDEN, str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if "CLONE_NEWUSER" in done.stderr:
        pytest.skip("User namespaces are off here.")
    assert (done.returncode, done.stdout.strip()) == (1, "No space left on device"), done.stderr
    assert not (folder / "events.jsonl").exists()
    judged = verdict.judge(folder, fence=1, stop="")
    assert judged.end == "fail"
    assert judged.reason.startswith(
        "XGBoost's ranks would listen on all addresses of this machine: it gives them no network "
        "of their own (No space left on device). Choose one GPU or one rank, or where "
    )


@pytest.fixture
def entered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What would be done, and is not: pytest stays where it is."""
    done: list[str] = []
    monkeypatch.setattr(own_network, "refusal", lambda: "")
    monkeypatch.setattr(own_network, "enter", lambda: done.append("entered"))
    return done


@pytest.mark.parametrize(
    ("given", "enters"),
    [
        (XGBOOST, True),
        (replace(XGBOOST, compute=Compute(ranks=2, open=True)), True),
        (replace(XGBOOST, compute=Compute()), False),
        (replace(XGBOOST, spec={"algorithm": "deep_mlp"}), False),
        (replace(XGBOOST, kind="score", spec={}), False),
    ],
    ids=["ranks", "allowed", "alone", "deep", "scoring"],
)
def test_only_those_that_listen_go_into_a_network_of_their_own(
    entered: list[str], given: Job, enters: bool, tmp_path: Path
) -> None:
    meeting.arrange(tmp_path, given)
    assert entered == (["entered"] if enters else [])


def test_what_was_promised_and_is_not_given_is_a_sentence(
    entered: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(own_network, "refusal", lambda: "Operation not permitted")
    with pytest.raises(BadJob, match=r"\(Operation not permitted\)\. Choose one GPU or one rank"):
        meeting.arrange(tmp_path, XGBOOST)
    meeting.arrange(tmp_path, replace(XGBOOST, compute=Compute(ranks=2, open=True)))
    assert entered == []


def test_half_a_network_is_none(
    entered: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def half() -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(own_network, "enter", half)
    for one in (XGBOOST, replace(XGBOOST, compute=Compute(ranks=2, open=True))):
        with pytest.raises(BadJob, match="no network of their own"):
            meeting.arrange(tmp_path, one)


def test_ranks_of_several_machines_need_the_owners_word(entered: list[str], tmp_path: Path) -> None:
    there = Compute(world=2, nodes=2, rendezvous="tcp://127.0.0.1:0", interface="lo")
    with pytest.raises(BadJob, match="TRACKSIDE_XGBOOST_RANKS=1"):
        meeting.arrange(tmp_path, replace(XGBOOST, compute=there))
    given = replace(XGBOOST, compute=replace(there, open=True))
    with closing(meeting.arrange(tmp_path, given)) as met:
        assert met.address
    assert entered == []


def test_a_user_who_may_start_no_process_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    before = len(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(os, "fork", full)
    assert own_network.refusal() == "Resource temporarily unavailable"
    assert len(os.listdir("/proc/self/fd")) == before


def test_xgboost_itself_asks_whether_others_reach_it() -> None:
    """As under torchrun, whose ranks have no leader of ours."""
    if own_network.closed():
        pytest.skip("Nothing but the loopback is up here.")
    with pytest.raises(BadJob, match="python -m recipes FOLDER"), company.met(Company(world=2)):
        pass


def test_a_job_json_of_before_is_read(tmp_path: Path) -> None:
    folder = job(tmp_path, {"folder": "x", "fingerprint": "y"}, "good", compute=TWO)
    raw = json.loads((folder / "job.json").read_text())
    del raw["compute"]["open"]
    (folder / "job.json").write_text(json.dumps(raw))
    assert jobs.read(folder).compute == Compute(**TWO)
