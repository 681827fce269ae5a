"""For processes under test: ranks that do as they are told, and no torch to load.

A folder `light` on the PYTHONPATH of a process under test has a `sitecustomize`, which Python
imports first: in an agent, its zygote, its leaders and what it asks for the catalogue.
"""

import importlib
import pkgutil
import sys
import types

_NAMES = (
    *("torch._dynamo", "torch.distributed", "torch.nn", "torch.nn.parallel", "torch.optim"),
    *("torch.nn.parallel.distributed", "torch.utils", "torch.utils.data"),
    *("torch.utils.flop_counter", "torchvision", "torchvision.transforms"),
    *("torchvision.transforms.v2", "timm", "safetensors", "safetensors.torch"),
    *("numpy.ctypeslib", "numpy.ma", "scipy.special"),
)


def ranks(module: str) -> None:
    """Every rank is `run` of this module."""
    _stands_for("torch", cuda=types.SimpleNamespace(is_initialized=lambda: False))
    for name in _NAMES:
        _stands_for(name)
    pkgutil.walk_packages = lambda *_rest: iter(())  # type: ignore[assignment]

    def run(folder: object, **rest: object) -> int:
        answer: int = importlib.import_module(module).run(folder, **rest)
        return answer

    _stands_for("recipes.rank", run=run)
    _stands_for("recipes.catalogue", catalogue=lambda _weights, quick: {})


def _stands_for(name: str, **content: object) -> types.ModuleType:
    module = types.ModuleType(name)
    vars(module).update(content)
    sys.modules[name] = module
    return module
