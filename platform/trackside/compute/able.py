"""Which machines have what an algorithm needs, as far as their agents have told."""

from recipes.algorithms import Algorithm
from recipes.extras import called
from trackside.compute.models import Node

BUILD = "docs/lightgbm.md says how to build it"


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
    told = ("pk", "name", "simulated", "catalogue__libraries", "catalogue__gpu_builds")
    found = {}
    for pk, name, simulated, libraries, builds in Node.objects.values_list(*told):
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


def without(libraries: list[str]) -> dict[int, str]:
    """By node, of those that have told what they have, that it has none of these."""
    names = " or ".join(called(one) for one in libraries)
    told = Node.objects.values_list("pk", "name", "catalogue__libraries") if libraries else ()
    return {
        pk: f"{name} has no {names}"
        for pk, name, found in told
        if found is not None and not set(libraries) & set(found)
    }


def learns_on_gpu(card: Algorithm) -> bool:
    """Whether a GPU of any machine that there is can train it."""
    if not card.on_gpu or not (card.gpu_build or card.gpu_library):
        return card.on_gpu
    cannot = unable(card, on_gpu=True)
    return Node.objects.filter(gpus__present=True).exclude(pk__in=cannot).exists()
