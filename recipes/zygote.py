"""The zygote: a process that has imported what jobs import, and forks gang leaders from it.

    python -m recipes.zygote SOCKET

It computes nothing, has one thread and never touches CUDA: PyTorch and CUDA work after a fork only
then. Before each fork it proves that; else it refuses, and the agent starts the job cold. It ends
with its parent or by SIGTERM; the leaders it has forked live on, each in a session of its own.
"""

import gc
import importlib
import json
import os
import pkgutil
import random
import select
import signal
import socket
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NoReturn

from PIL import Image

import recipes
from recipes import crash, gang, processes

# Libraries read these when they are loaded; a thread of theirs would make forking unsafe.
ONE_THREAD = {
    **{f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")},
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}
# What torch and its friends import at first use only, so that no job pays for it.
LATE = (
    "numpy.ctypeslib",
    "numpy.ma",
    "scipy.special",  # skops seeks all its functions, module by module as they were imported
    "torch",
    "torch._dynamo",
    "torch.distributed",
    "torch.nn.parallel.distributed",
    "torch.optim",
    "torch.utils.data",
    "torch.utils.flop_counter",
    "torchvision",
    "torchvision.transforms.v2",
    "timm",
    "safetensors.torch",
)
NOT_OURS = ("recipes.__main__", "recipes.zygote")
_SIGNALS = (signal.SIGTERM, signal.SIGCHLD)


class Unsafe(Exception):
    """Forking now could hang or poison a job; the message says why."""


def preload() -> None:
    """Import the libraries and all of our own modules."""
    gc.disable()  # nothing of this is garbage, and to look for it takes a fifth of the time
    for name in LATE:
        importlib.import_module(name)
    for module in pkgutil.walk_packages(recipes.__path__, "recipes."):
        if module.name not in NOT_OURS:
            importlib.import_module(module.name)
    Image.init()  # Pillow loads its readers at the first picture
    gc.collect()
    gc.freeze()  # the children share these pages instead of copying them at their first collection
    gc.enable()


def check() -> None:
    """Raise Unsafe unless this process has one thread and no CUDA."""
    threads = len(os.listdir("/proc/self/task"))
    if threads != 1:
        raise Unsafe(f"The zygote has {threads} threads, so a fork of it could hang.")
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        raise Unsafe("The zygote has used CUDA, which does not survive a fork.")
    if "libcuda.so" in Path("/proc/self/maps").read_text():
        raise Unsafe("The zygote has loaded libcuda, which does not survive a fork.")


def serve(path: Path, *, parent: int = 0, prepare: Callable[[], None] = preload) -> int:
    """Answer requests until SIGTERM or until `parent` is gone, which may be before we began."""
    parent = parent or os.getppid()
    prepare()
    check()
    bell, struck = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(struck, warn_on_full_buffer=False)
    ending: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: ending.append(number))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the supervisor
    signal.signal(signal.SIGCHLD, lambda *_: None)
    listener = _listen(path)
    try:
        while not ending and os.getppid() == parent:
            ready, _, _ = select.select([listener.fileno(), bell], [], [], 1.0)
            if bell in ready:
                os.read(bell, 512)
            _bury()
            if listener.fileno() in ready:
                _answer(listener)
    finally:
        path.unlink(missing_ok=True)
    return 0


def _listen(path: Path) -> socket.socket:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    path.chmod(0o600)
    listener.listen(32)
    return listener


def _bury() -> None:
    """Collect the leaders that ended, so that none stays as a zombie."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def _answer(listener: socket.socket) -> None:
    """One request, one line each way. A bad or silent caller is no reason to end."""
    connection, _ = listener.accept()
    with connection:
        connection.settimeout(2.0)
        try:
            with connection.makefile("rb") as lines:
                request = json.loads(lines.readline(65536))
            if _has_left(connection):
                return  # it was tired of waiting and has started the job cold
            reply = _do(request, (listener, connection))
        except (OSError, ValueError, KeyError, TypeError, Unsafe) as wrong:
            reply = {"error": str(wrong) or type(wrong).__name__}
        try:
            connection.sendall(json.dumps(reply).encode() + b"\n")
        except OSError:
            return


def _has_left(connection: socket.socket) -> bool:
    ready, _, _ = select.select([connection], [], [], 0)
    return bool(ready) and connection.recv(1, socket.MSG_PEEK) == b""


def _do(request: dict[str, Any], sockets: Iterable[socket.socket]) -> dict[str, Any]:
    if "folder" not in request:
        me = os.getpid()
        return {"pid": me, "start": processes.started(me)}
    folder = Path(request["folder"])
    if not (folder / "job.json").is_file():
        raise ValueError(f"{folder} is no job folder: it has no job.json.")
    check()
    crash.point("zygote.asked")
    pid = os.fork()
    if pid == 0:
        _lead(folder, sockets)
    crash.point("zygote.forked")
    return {"pid": pid, "start": processes.started(pid)}


def _lead(folder: Path, sockets: Iterable[socket.socket]) -> NoReturn:
    """In the child: a session, signals, files and random numbers of its own, then the gang."""
    code = 1
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for one in (*_SIGNALS, signal.SIGINT):
            signal.signal(one, signal.SIG_DFL)
        for connection in sockets:
            connection.detach()
        _own_output(folder / "log.txt")
        random.seed()
        if "numpy" in sys.modules:
            sys.modules["numpy"].random.seed()
        crash.point("zygote.leader")
        code = gang.lead(folder)
    except BaseException as wrong:  # a fork must never return into the code of its parent
        os.write(2, f"The gang leader failed: {wrong!r}\n".encode())
    finally:
        os._exit(code)


def _own_output(log: Path) -> None:
    out = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(out, 1)
    os.dup2(out, 2)
    highest = max(int(name) for name in os.listdir("/proc/self/fd"))
    os.closerange(3, highest + 1)


def main(arguments: list[str]) -> int:
    """SOCKET [PID of the agent]. The exit code; 3 when a fork here would not be safe."""
    os.environ.update(ONE_THREAD)
    try:
        return serve(Path(arguments[0]), parent=int(arguments[1]) if arguments[1:] else 0)
    except Unsafe as reason:
        print(reason, file=sys.stderr)  # noqa: T201
        return 3


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
