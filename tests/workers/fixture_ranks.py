"""A program for tests: ranks that do what `job.json`'s spec says, under the real leader or zygote.

python fixture_ranks.py lead FOLDER
python fixture_ranks.py zygote SOCKET
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from recipes import gang, processes, zygote
from recipes.events import Journal
from recipes.job import YIELDED, read, wanted_stop


def run(folder: Path, *, rank: int, world: int, rendezvous: str) -> int:
    """`spec["do"]` names what this rank does; a list gives one for each rank."""
    job = read(folder)
    do = job.spec["do"]
    do = do[rank] if isinstance(do, list) else do
    journal = Journal(folder, rank=rank)
    (folder / f"rank{rank}.json").write_text(
        json.dumps(
            {
                "pid": os.getpid(),
                "world": world,
                "rendezvous": rendezvous,
                "environment": dict(os.environ),
                "cores": sorted(os.sched_getaffinity(0)),
            }
        )
    )
    journal.write("started", device="fixture", ranks=world, threads=1, precision="fp32")
    print(f"rank {rank} begins", flush=True)
    return DOES[do](Path(job.home or folder), journal)


def work(folder: Path, journal: Journal) -> int:
    """Until stopped: finish early ends well, and there is nothing to keep on `yield`."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
    step = 0
    while (stop := wanted_stop(folder)) != "finish_early":
        if stop == "yield":
            return YIELDED
        step += 1
        journal.write("step", epoch=step / 10, step=step, loss=1 / step, lr=0.1, rate=9, wait=0)
        time.sleep(0.02)
    journal.write("finished", rows=step)
    return 0


def finish(folder: Path, journal: Journal) -> int:
    journal.write("finished", rows=1)
    return 0


def silent(folder: Path, journal: Journal) -> int:
    return 0


def error(folder: Path, journal: Journal) -> int:
    raise ValueError("the reason on its last line")


def crash(folder: Path, journal: Journal) -> int:
    os.kill(os.getpid(), signal.SIGSEGV)
    return 0


def deaf(folder: Path, journal: Journal) -> int:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("deaf", flush=True)
    while True:
        time.sleep(1)


def leaves_children(folder: Path, journal: Journal) -> int:
    """A grandchild in its own session, as a library may start one."""
    child = subprocess.Popen([sys.executable, "-c", SLEEPER], start_new_session=True)
    (folder / "grandchild").write_text(str(child.pid))
    return work(folder, journal)


def chatter(folder: Path, journal: Journal) -> int:
    for number in range(400):
        print(f"{number} " + "x" * 65_000)
    return finish(folder, journal)


SLEEPER = "import time; time.sleep(600)"
DOES = {
    one.__name__: one
    for one in (work, finish, silent, error, crash, deaf, leaves_children, chatter)
}


def main(what: str, where: str) -> int:
    gang.ranks.run = run
    gang.GRACE = float(os.environ.get("FIXTURE_GRACE", "2"))
    gang.GRACE_ALONE = gang.GRACE
    gang.DEAD_MAN = float(os.environ.get("FIXTURE_DEAD_MAN", "600"))
    if what == "lead":
        return gang.lead(Path(where))
    assert processes.started(os.getpid())
    return zygote.serve(Path(where), prepare=lambda: None)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
