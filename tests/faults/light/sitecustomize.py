"""For the processes of a cluster under test: light ranks instead of torch, and a clock that is off.

Python imports this file first in each process that has this folder on its PYTHONPATH.
`LC_TRACKSIDE_CLOCK` is what the wall clock is wrong by, in seconds.
"""

import os
import pkgutil
import sys
import time
import types

_NAMES = (
    *("torch._dynamo", "torch.distributed", "torch.nn", "torch.nn.parallel", "torch.optim"),
    *("torch.nn.parallel.distributed", "torch.utils", "torch.utils.data"),
    *("torch.utils.flop_counter", "torchvision", "torchvision.transforms"),
    *("torchvision.transforms.v2", "timm", "safetensors", "safetensors.torch"),
)


def _light() -> None:
    torch = types.ModuleType("torch")
    torch.cuda = types.SimpleNamespace(is_initialized=lambda: False)  # type: ignore[attr-defined]
    sys.modules["torch"] = torch
    for name in _NAMES:
        sys.modules[name] = types.ModuleType(name)
    pkgutil.walk_packages = lambda *_rest: iter(())  # type: ignore[assignment]
    rank = types.ModuleType("recipes.rank")

    def run(folder: object, **rest: object) -> int:
        from tests.faults import ranks

        return ranks.run(folder, **rest)  # type: ignore[arg-type]

    rank.run = run  # type: ignore[attr-defined]
    sys.modules["recipes.rank"] = rank


def _wrong_clock(by: float) -> None:
    from datetime import UTC, datetime

    from django.utils import timezone

    right = time.time
    time.time = lambda: right() + by
    timezone.now = lambda: datetime.fromtimestamp(right() + by, UTC)


if os.environ.get("PYTHONPATH"):
    _light()
if os.environ.get("LC_TRACKSIDE_CLOCK"):
    _wrong_clock(float(os.environ["LC_TRACKSIDE_CLOCK"]))
