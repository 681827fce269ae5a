"""EXTRAS: libraries that not every node has, and how a node gets them. Light: the web says it."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version


@dataclass(frozen=True, kw_only=True)
class Extra:
    """`requirements/extras/NAME.in` installs it; each of `packages` is a build of the library."""

    label: str
    packages: tuple[str, ...]
    beside: tuple[str, ...] = ()  # packages without which it is of no use here


EXTRAS: dict[str, Extra] = {
    "catboost": Extra(label="CatBoost", packages=("catboost",)),
    "keras": Extra(label="Keras", packages=("keras",), beside=("torch",)),
    "tensorflow": Extra(
        label="TensorFlow", packages=("tensorflow-cpu", "tensorflow"), beside=("keras",)
    ),
    "jax": Extra(label="Flax on JAX", packages=("jax",), beside=("jaxlib", "flax", "optax")),
    "intel": Extra(label="Intel's extension of scikit-learn", packages=("scikit-learn-intelex",)),
    "onnx": Extra(label="ONNX Runtime", packages=("onnxruntime", "onnxruntime-gpu")),
    "nvforest": Extra(label="nvForest", packages=("nvforest-cu13", "nvforest-cu12")),
    "hummingbird": Extra(label="Hummingbird", packages=("hummingbird-ml",)),
    "rapids": Extra(label="cuML", packages=("cuml-cu13", "cuml-cu12")),
}
BESIDE = {"skorch": ("torch",)}  # of a library that is no extra


def installed(library: str) -> str:
    """The version of an extra, or of a package, that is installed here; empty: it is not."""
    extra = EXTRAS.get(library, Extra(label=library, packages=(library,)))
    if not all(_version(name) for name in extra.beside):
        return ""
    return next(filter(None, map(_version, extra.packages)), "")


def versions(library: str) -> dict[str, str]:
    """Of each package that is installed here, of those that make up an extra, or a package."""
    extra = EXTRAS.get(library)
    names = extra.packages + extra.beside if extra else (library, *BESIDE.get(library, ()))
    return {name: found for name in names if (found := _version(name))}


def _version(package: str) -> str:
    with suppress(PackageNotFoundError):
        return version(package)
    return ""


def called(library: str) -> str:
    return EXTRAS[library].label if library in EXTRAS else library


def command(extra: str) -> str:
    """What installs it, in Trackside's folder."""
    return f"make extras NAMES={extra}"


def remedy(library: str) -> str:
    """What its machine's owner does for it, as a part of a sentence."""
    if library in EXTRAS:
        return f"`{command(library)}` in Trackside's folder"
    return f"`pip install {library}` where its agent runs"


def nowhere(library: str) -> str:
    """The sentence for a library that no machine has."""
    said = f"No machine has {called(library)}. On one that shall have it, run {remedy(library)}"
    return f"{said}, then start its agent again."


def present(libraries: set[str]) -> Iterator[tuple[str, str]]:
    """Those of these that are installed here, each with its version."""
    for name in sorted(libraries):
        if found := installed(name):
            yield name, found
