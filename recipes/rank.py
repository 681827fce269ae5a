"""One rank of a job: settles on its cores, runs the kind, and says how it ended."""

import os
import shutil
import signal
import socket
import sys
import threading
import traceback
from pathlib import Path

from recipes import ends, pulse
from recipes import job as jobs
from recipes.events import Journal
from recipes.job import STOPPED, YIELDED, BadJob, GaveWay, Job
from recipes.kinds import KINDS
from recipes.leaving import leave
from recipes.params import ParamError
from recipes.said import Aloud
from recipes.sql.access import Trouble

FORESEEN = (
    *("out_of_memory", "cuda_out_of_memory", "not_finite", "disk_full"),
    *("bad_data", "bad_job", "weights_missing"),
)
CODES = (*FORESEEN, "rendezvous", "ranks_apart")


def run(folder: Path, *, rank: int, world: int, rendezvous: str) -> int:
    """The exit code: 0, 75 on `yield`, or 1 after a `failed` event. SIGTERM makes it 143."""
    leave_on_sigterm()
    folder = Path(folder).resolve()
    home = folder
    try:
        if rank == 0:
            start_over(folder)
        job = jobs.read(folder)
        home = Path(job.home or folder)
        kind = KINDS.get(job.kind)
        if kind is None:
            raise BadJob(f"There is no kind of job called {job.kind!r}. Known: {', '.join(KINDS)}.")
        Journal.aloud = Aloud(job)
        settle(job, rank - job.compute.first_rank)
        if kind.resumes:
            pulse.start(folder, rank - job.compute.first_rank)
        if kind.torch:
            _run_with_peers(job, home, rank, world, rendezvous)
        else:
            kind.run(job, home, None)
    except GaveWay:
        return YIELDED
    except Exception as error:
        sys.stderr.write(f"{error}\n" if foreseen(error) else detail(error))
        fail(folder, error, home=home)
        return 1
    finally:
        Journal.aloud = None
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def start_over(folder: Path) -> None:
    """Set aside what a finished run of this folder left; an unfinished one is gone on with."""
    (folder / "failed").unlink(missing_ok=True)
    journal = folder / "events.jsonl"
    if journal.exists() and '"type":"finished"' in journal.read_text():
        number = len(list(folder.glob("events.*.jsonl"))) + 1
        journal.rename(folder / f"events.{number}.jsonl")
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)


def settle(job: Job, place: int) -> None:
    """The cores and GPUs of this rank, before anything asks the libraries how many there are.

    `place` counts the ranks of this node.
    """
    threads = max(1, job.compute.threads)
    mine = job.compute.cores[place * threads : (place + 1) * threads]
    if mine:
        os.sched_setaffinity(0, set(mine) & os.sched_getaffinity(0) or os.sched_getaffinity(0))
    if job.compute.device == "cuda" and job.compute.uuids and not job.compute.simulated:
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(job.compute.uuids)
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    os.environ["OMP_NUM_THREADS"] = str(threads)


def fail(folder: Path, error: BaseException, *, home: Path) -> None:
    """The `failed` event. Of several ranks the first writes it: the others fail because of it.

    Each part of a job on several nodes has a journal for it: two machines cannot append to one.
    """
    try:
        (home / "failed").open("x").close()
    except OSError:
        return
    journal = Journal(folder)
    code, message = explain(error)
    journal.write("failed", code=code, message=message, detail=detail(error)[-20_000:])
    journal.close()


def foreseen(error: BaseException) -> bool:
    """Whether its sentence says all that a person needs; of other errors the log has the place."""
    code = getattr(error, "code", None)
    return isinstance(error, BadJob | ParamError) or code in FORESEEN


def detail(error: BaseException) -> str:
    """Where in the program it came from; "" of what a database refused, which is no fault in it."""
    return "" if isinstance(error, Trouble) else "".join(traceback.format_exception(error))


def explain(error: BaseException) -> tuple[str, str]:
    """The code and the sentence for what went wrong."""
    code = getattr(error, "code", None)
    if isinstance(error, BadJob | ParamError):
        return "bad_job", str(error)
    if code in CODES:
        return str(code), str(error)
    if isinstance(error, MemoryError) or "can't allocate memory" in str(error):
        return "out_of_memory", (
            "The node has not enough memory for this job. "
            "Choose a smaller batch size or image size."
        )
    if lost := ends.apart(error):
        return lost
    text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return "error", f"The job failed by an error of the program: {text}"


def leave_on_sigterm() -> None:
    """End at once with 143, even while the main thread waits for another rank inside a library.

    Python runs signal handlers between two instructions of the main thread, which can be minutes
    away. The interpreter's C handler writes to a socket at once, and a thread listens to it.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    listening, written = socket.socketpair()
    written.setblocking(False)
    signal.set_wakeup_fd(written.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, lambda *_: leave(STOPPED))

    def listen() -> None:
        with written:  # keeps the other end open as long as this thread lives
            while signal.SIGTERM not in listening.recv(1):
                pass
        leave(STOPPED)

    threading.Thread(target=listen, name="sigterm", daemon=True).start()


def _run_with_peers(job: Job, folder: Path, rank: int, world: int, rendezvous: str) -> None:
    import torch  # noqa: PLC0415 - an import job starts without it

    from recipes.engine.peers import joined  # noqa: PLC0415

    torch.set_num_threads(max(1, job.compute.threads))
    torch.manual_seed(job.seed)
    with joined(job.compute, rank, world, rendezvous) as peers:
        KINDS[job.kind].run(job, folder, peers)
