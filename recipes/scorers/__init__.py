"""SCORERS: libraries that may predict in place of the one that learned. A new one is one file
and one line here. What is used, a comparison on the user's rows decides: engine/tabular/parity."""

from recipes import extras
from recipes.algorithms import ALGORITHMS, Algorithm
from recipes.scorers import hummingbird, nvforest, onnx
from recipes.scorers.scorer import Scorer

SCORERS: dict[str, Scorer] = {
    "onnx": onnx.SCORER,
    "nvforest": nvforest.SCORER,
    "hummingbird": hummingbird.SCORER,
}
OWN, FASTEST = "own", "fastest"  # the library that learned; the fastest that predicts as it does


def able(algorithm: str, device: str) -> list[Scorer]:
    """Those that may take models of this algorithm on this device (cpu or cuda)."""
    return [one for one in SCORERS.values() if one.takes(algorithm, device)]


def takes(scorer: Scorer) -> str:
    """Of which algorithms it may take models, as a sentence."""
    labels = [ALGORITHMS[one].label for one in scorer.algorithms]
    return f"Takes models of {', '.join(labels[:-1])} and {labels[-1]}."


def refusal(engine: str, algorithm: Algorithm, device: str) -> str:
    """Why this engine cannot score models of this algorithm there, before it begins; "": it may."""
    if engine in (OWN, FASTEST):
        there = device == "cpu" or algorithm.scores_on_gpu
        if there or (engine == FASTEST and able(algorithm.name, device)):
            return ""
        return f"{algorithm.label} predicts on the CPU alone: choose the CPU."
    card = SCORERS[engine]
    if algorithm.name not in card.algorithms:
        return f"{card.label} cannot take a model of {algorithm.label}. Choose another engine."
    if device not in card.devices:
        return f"{card.label} predicts on the CPU alone: choose the CPU, or another engine."
    return ""


def absent(engine: str, device: str) -> str:
    """Why nothing that is installed here predicts there by this engine; "": it may.

    Its library is loaded where only some builds of it know a GPU.
    """
    if engine not in SCORERS:
        return ""
    card = SCORERS[engine]
    if not extras.installed(card.library):
        return f"{card.label} is not installed here: {extras.remedy(card.library)} installs it."
    if device == "cpu" or card.gpu_build is None:
        return ""
    try:
        there = card.gpu_build()
    except Exception as failed:  # whatever a library raises
        return f"{card.label} cannot be loaded here: {failed}."
    if there:
        return ""
    said = f"The {card.label} that is installed here is built for the CPU alone"
    return f"{said}: choose the CPU, or another engine."


__all__ = ["FASTEST", "OWN", "SCORERS", "Scorer", "able", "absent", "refusal", "takes"]
