"""Which machines have what an algorithm or an engine needs, as far as their agents have told."""

from collections.abc import Collection

from recipes.algorithms import Algorithm
from recipes.extras import called
from recipes.scorers import Scorer
from trackside.compute.models import Node

BUILD = "docs/lightgbm.md says how to build it"
TOLD = ("pk", "name", "simulated", "catalogue__libraries", "catalogue__gpu_builds")


def unable(
    card: Algorithm, *, on_gpu: bool, asked: str = "", learns: bool = True
) -> dict[int, str]:
    """By node why it cannot run this algorithm, as "cpu-01 has no lightgbm".

    A simulated GPU is one of the CPU's cores: it needs no build for GPUs. `asked`: a library that
    the job's params need beside the algorithm's own. Not `learns`: it only predicts.
    """
    library = card.library if learns else card.scoring_library
    needed = [one for one in (library, asked) if one]
    if not needed:
        return {}
    found = {}
    for pk, name, simulated, libraries, builds in Node.objects.values_list(*TOLD):
        missing = [one for one in needed if libraries is not None and one not in libraries]
        if missing:
            found[pk] = f"{name} has no {called(missing[0])}"
        elif on_gpu and not simulated and _needs_there(card, libraries or {}):
            found[pk] = f"{name} has no {called(card.gpu_library)}"
        elif on_gpu and card.gpu_build and not simulated and card.library not in (builds or ()):
            found[pk] = f"The {card.label} of {name} is built for the CPU alone: {BUILD}"
    return found


def _needs_there(card: Algorithm, libraries: dict[str, str]) -> bool:
    """Whether a GPU's machine lacks what the algorithm needs beside its own library."""
    return bool(card.gpu_library) and card.gpu_library not in libraries


def without(scorers: list[Scorer], *, on_gpu: bool) -> dict[int, str]:
    """By node, of those that have told what they have, why none of these predicts there; {} where
    none is needed. A simulated GPU needs no build for GPUs."""
    names = " or ".join(called(one.library) for one in scorers)
    told = Node.objects.values_list(*TOLD) if scorers else ()
    found = {}
    for pk, name, simulated, libraries, builds in told:
        here = [one for one in scorers if one.library in (libraries or ())]
        if libraries is not None and not here:
            found[pk] = f"{name} has no {names}"
        elif here and on_gpu and not simulated and not _built(here, builds or ()):
            said = " and ".join(one.label for one in here)
            found[pk] = f"The {said} of {name} is built for the CPU alone"
    return found


def _built(scorers: list[Scorer], builds: Collection[str]) -> bool:
    """Whether any of these has a build for GPUs, or needs none."""
    return any(one.gpu_build is None or one.library in builds for one in scorers)


def learns_on_gpu(card: Algorithm) -> bool:
    """Whether a GPU of any machine that there is can train it."""
    if not card.on_gpu or not (card.gpu_build or card.gpu_library):
        return card.on_gpu
    return _anywhere(unable(card, on_gpu=True))


def predicts_on_gpu(scorer: Scorer) -> bool:
    """Whether the build of any machine that there is can use that machine's GPU."""
    return scorer.gpu_build is None or _anywhere(without([scorer], on_gpu=True))


def _anywhere(cannot: Collection[int]) -> bool:
    return Node.objects.filter(gpus__present=True).exclude(pk__in=cannot).exists()
