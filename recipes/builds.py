"""Which libraries of this node were built to learn on GPUs.

LightGBM's wheel was not; one that was built for CUDA ends its whole process where it finds no GPU.
So a child asks it, and is shown none: the leased GPUs of others are not touched.
"""

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from tempfile import TemporaryFile
from typing import NoReturn

SECONDS = 60  # that a child may take before it counts as one that cannot
UNABLE = 3  # its exit status where the library says that it was not built for that
NOT_BUILT = "was not enabled in this build"
NO_GPU = b"[CUDA]"  # begins what LightGBM's last words say


def for_gpus(asking: dict[str, Callable[[], None]] | None = None) -> list[str]:
    """By the names of their packages. What fails in another way is told, and counts as unable."""
    listed = {"lightgbm": _lightgbm} if asking is None else asking
    return [name for name, ask in listed.items() if _built(name, ask)]


def _built(name: str, ask: Callable[[], None]) -> bool:
    with TemporaryFile() as words:
        child = os.fork()
        if child == 0:
            _live(ask, words.fileno())
        _, status = os.waitpid(child, 0)
        words.seek(0)
        said = words.read()
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) in (0, UNABLE):
        return os.WEXITSTATUS(status) == 0
    if NO_GPU in said:  # it looked for a GPU: no other build does
        return True
    text = said.decode(errors="replace").strip()[-300:]
    sys.stderr.write(f"{name} could not be asked whether it learns on GPUs: {text}\n")
    return False


def _live(ask: Callable[[], None], words: int) -> NoReturn:
    """The child: it never comes back."""
    status = 1
    with suppress(BaseException):
        signal.signal(signal.SIGABRT, signal.SIG_DFL)
        signal.alarm(SECONDS)
        os.dup2(words, 1)
        os.dup2(words, 2)
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
        try:
            ask()
            status = 0
        except Exception as wrong:
            os.write(words, str(wrong).encode())
            status = UNABLE if NOT_BUILT in str(wrong) else 1
    os._exit(status)


def _lightgbm() -> None:
    import_module("torch")  # brings the NCCL that the build for CUDA looks for
    import lightgbm  # noqa: PLC0415 - only in the child
    import numpy as np  # noqa: PLC0415

    told = {"device_type": "cuda", "num_threads": 1, "verbosity": -1}
    rows = np.arange(40.0).reshape(20, 2)
    data = lightgbm.Dataset(rows, label=rows[:, 0], params=told)
    lightgbm.train(told, data, num_boost_round=1)
