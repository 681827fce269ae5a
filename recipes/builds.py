"""How the libraries of this node were built, where that is not known from their version.

LightGBM's wheel learns on the CPU; one that was built for CUDA ends its whole process where it
finds no GPU. So a child asks it, and is shown none: the leased GPUs of others are not touched. Of
ONNX Runtime too the wheel for the CPU and the one for GPUs are the same extra.
"""

import faulthandler
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from tempfile import TemporaryFile
from typing import Literal, NoReturn

from recipes.scorers import onnx

Build = Literal["gpu", "cpu", "broken"]  # the last one cannot even be loaded
SECONDS = 60  # that a child may take
FOR_CPU = 3  # its exit status where the library says that it was not built for GPUs
NOT_BUILT = "was not enabled in this build"
NO_GPU = b"[CUDA]"  # begins what LightGBM's last words say


def asked(libraries: Mapping[str, str]) -> dict[str, Build]:
    """By package or extra, of those of these that must be asked."""
    return {name: build(name, ask) for name, ask in ASKED.items() if name in libraries}


def build(name: str, ask: Callable[[], None]) -> Build:
    """What fails in a way that nobody knows is told on stderr."""
    with TemporaryFile() as words:
        child = os.fork()
        if child == 0:
            _live(ask, words.fileno())
        _, status = os.waitpid(child, 0)
        words.seek(0)
        said = words.read()
    ended = os.waitstatus_to_exitcode(status)
    if ended == 0 or NO_GPU in said:  # it looked for a GPU, as no other build does
        return "gpu"
    if ended == FOR_CPU:
        return "cpu"
    text = said.decode(errors="replace").strip()[-300:] or f"its process ended with {ended}"
    sys.stderr.write(f"{name} cannot be used here: {text}\n")
    return "broken"


def _live(ask: Callable[[], None], words: int) -> NoReturn:
    """The child: it never comes back."""
    status = 1
    with suppress(BaseException):
        faulthandler.disable()
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(SECONDS)
        os.dup2(words, 1)
        os.dup2(words, 2)
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
        try:
            ask()
            status = 0
        except Exception as wrong:
            os.write(words, str(wrong).encode())
            status = FOR_CPU if NOT_BUILT in str(wrong) else 1
    os._exit(status)


def _lightgbm() -> None:
    import_module("torch")  # brings libgomp, and the NCCL that the build for CUDA looks for
    import lightgbm  # noqa: PLC0415 - only in the child
    import numpy as np  # noqa: PLC0415

    told = {"device_type": "cuda", "num_threads": 1, "verbosity": -1}
    rows = np.arange(40.0).reshape(20, 2)
    data = lightgbm.Dataset(rows, label=rows[:, 0], params=told)
    lightgbm.train(told, data, num_boost_round=1)


def _onnx() -> None:
    if not onnx.knows_gpus():
        raise RuntimeError(f"NVIDIA's provider {NOT_BUILT}.")


ASKED: dict[str, Callable[[], None]] = {"lightgbm": _lightgbm, "onnx": _onnx}
