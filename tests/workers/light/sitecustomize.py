"""For processes under test: ranks that do as the spec says, and a zygote that need not load torch.

An agent under test gives PYTHONPATH on to its zygote and its leaders, and Python imports this file
first in each of them.
"""

import os
import pkgutil
import sys
import types

_NAMES = (
    *("torch._dynamo", "torch.distributed", "torch.nn", "torch.nn.parallel", "torch.optim"),
    *("torch.nn.parallel.distributed", "torch.utils", "torch.utils.data"),
    *("torch.utils.flop_counter", "torchvision", "torchvision.transforms"),
    *("torchvision.transforms.v2", "timm", "safetensors", "safetensors.torch"),
)
if os.environ.get("PYTHONPATH"):
    torch = types.ModuleType("torch")
    torch.cuda = types.SimpleNamespace(is_initialized=lambda: False)  # type: ignore[attr-defined]
    sys.modules["torch"] = torch
    for _name in _NAMES:
        sys.modules[_name] = types.ModuleType(_name)
    pkgutil.walk_packages = lambda *_rest: iter(())  # type: ignore[assignment]
    _rank = types.ModuleType("recipes.rank")

    def _run(folder: object, **rest: object) -> int:
        from tests.workers import fixture_ranks

        return fixture_ranks.run(folder, **rest)  # type: ignore[arg-type]

    _rank.run = _run  # type: ignore[attr-defined]
    sys.modules["recipes.rank"] = _rank
