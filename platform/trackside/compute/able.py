"""Which machines have what an algorithm needs, as far as their agents have told."""

from recipes.algorithms import Algorithm
from recipes.extras import called
from trackside.compute.models import Node

BUILD = "docs/lightgbm.md says how to build it"


def unable(card: Algorithm, *, on_gpu: bool) -> dict[int, str]:
    """By node why it cannot run this algorithm, as "cpu-01 has no lightgbm".

    A simulated GPU is one of the CPU's cores: it needs no build for GPUs.
    """
    if not card.library:
        return {}
    told = ("pk", "name", "simulated", "catalogue__libraries", "catalogue__gpu_builds")
    found = {}
    for pk, name, simulated, libraries, builds in Node.objects.values_list(*told):
        if libraries is not None and card.library not in libraries:
            found[pk] = f"{name} has no {called(card.library)}"
        elif on_gpu and card.gpu_build and not simulated and card.library not in (builds or ()):
            found[pk] = f"The {card.label} of {name} is built for the CPU alone: {BUILD}"
    return found


def learns_on_gpu(card: Algorithm) -> bool:
    """Whether a GPU of any machine that there is can train it."""
    if not card.on_gpu or not card.gpu_build:
        return card.on_gpu
    cannot = unable(card, on_gpu=True)
    return Node.objects.filter(gpus__present=True).exclude(pk__in=cannot).exists()
