"""A model of scikit-learn in a file that runs no code when it is loaded: skops.

While it is imported, skops asks scikit-learn for all of its estimators, and all of scikit-learn is
imported for that, with CuPy where it is installed: CuPy loads NVIDIA's driver, and a zygote that
has loaded it may fork no more. So that list stays empty, and the types that a file names are asked.
"""

from contextlib import suppress
from importlib import import_module
from inspect import isabstract
from itertools import takewhile
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sklearn.base import BaseEstimator

with patch("sklearn.utils.all_estimators", list):
    import skops.io

NOT_LISTED = {"tests", "externals", "conftest", "experimental", "estimator_checks"}


def dump(model: Any, file: Path) -> None:
    skops.io.dump(model, file)


def load(file: Path, trusted: list[str]) -> Any:
    """Of numpy's types, scikit-learn's own estimators and these alone. Raises ValueError."""
    unlisted = skops.io.get_untrusted_types(file=file)
    strange = [one for one in unlisted if one not in trusted and not is_estimator(one)]
    if strange:
        raise ValueError(f"it holds {', '.join(sorted(strange))}, which no model of ours has")
    return skops.io.load(file, trusted=unlisted)


def is_estimator(name: str) -> bool:
    """Whether scikit-learn would have listed it: by its own name, in a module that is public. No
    other module is imported, whatever a file names."""
    module, _, of = name.rpartition(".")
    root, *parts = module.split(".")
    if root != "sklearn" or of.startswith("_") or NOT_LISTED.intersection(parts):
        return False
    public = takewhile(lambda part: not part.startswith("_"), parts)
    with suppress(ImportError):
        found = getattr(import_module(".".join([root, *public])), of, None)
        return _listed(found, name)
    return False


def _listed(found: Any, name: str) -> bool:
    if not isinstance(found, type) or isabstract(found) or found is BaseEstimator:
        return False
    return issubclass(found, BaseEstimator) and name == f"{found.__module__}.{found.__name__}"
