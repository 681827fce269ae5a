"""Engines: what predicts a table's rows, where its library is, and what comparisons said of it."""

from datetime import datetime
from typing import Any

from recipes.algorithms import Algorithm
from recipes.extras import nowhere
from recipes.scorers import FASTEST, OWN, SCORERS, Scorer, able, refusal
from trackside.compute.able import predicts_on_gpu
from trackside.compute.requests import BadCompute
from trackside.compute.services import libraries

Json = dict[str, Any]
OWN_LABEL = "The model's own library"


def called(engine: str) -> str:
    return SCORERS[engine].label if engine in SCORERS else OWN_LABEL


def of(algorithm: str) -> list[Scorer]:
    """Those that may take its models, on any device; all where the algorithm is not known."""
    return [one for one in SCORERS.values() if not algorithm or algorithm in one.algorithms]


def lacking(scorers: list[Scorer], *, on_gpu: bool = False) -> dict[str, str]:
    """By name why no machine predicts by it: it has no such library, or `on_gpu` no build of it
    that knows GPUs. {} before one has reported."""
    reported = libraries() if scorers else {}
    found = {one.name: _nowhere(one, reported, on_gpu) for one in scorers if reported}
    return {name: said for name, said in found.items() if said}


def _nowhere(scorer: Scorer, reported: dict[str, str], on_gpu: bool) -> str:
    if scorer.library not in reported:
        return nowhere(scorer.library)
    if not on_gpu or predicts_on_gpu(scorer):
        return ""
    said = f"No machine's {scorer.label} is built for GPUs: docs/extras.md says what it takes"
    return f"{said}. Choose the CPU, or another engine."


def trouble(engine: str, card: Algorithm | None) -> str:
    """Why nothing of this algorithm is scored by it, wherever the job runs; "": it may be."""
    if engine not in SCORERS:
        return ""
    said = refusal(engine, card, SCORERS[engine].devices[0]) if card else ""
    return said or lacking([SCORERS[engine]]).get(engine, "")


def needed(engine: str, card: Algorithm, *, on_gpu: bool) -> list[Scorer]:
    """A machine must have one of these; [] where the model's own library is enough."""
    if engine in SCORERS:
        return [SCORERS[engine]]
    if engine == FASTEST and on_gpu and not card.scores_on_gpu:
        return able(card.name, "cuda")
    return []


def on_gpu(card: Algorithm) -> bool:
    """Whether any engine that a machine has can predict with its models on a GPU."""
    scorers = able(card.name, "cuda")
    return card.scores_on_gpu or len(lacking(scorers, on_gpu=True)) < len(scorers)


def must_score(engine: str, card: Algorithm, *, on_gpu: bool) -> None:
    """Raises BadCompute where it cannot, on such a device."""
    if said := refusal(engine, card, "cuda" if on_gpu else "cpu"):
        raise BadCompute("compute.kind", said, "cpu_only")
    scorers = needed(engine, card, on_gpu=on_gpu)
    lack = lacking(scorers, on_gpu=on_gpu)
    if scorers and len(lack) == len(scorers):
        raise BadCompute("compute.kind", " ".join(lack.values()), "library")


def reports(told: Any) -> list[Json]:
    """What a result's `parity` holds; that of a job before there were engines is the GPU's."""
    found = told if isinstance(told, list) else [told] if told else []
    return [{"engine": OWN, **one} for one in found]


def lines(told: list[Json]) -> list[Json]:
    """Reports as a page shows them, the model's own library first."""
    order = [OWN, *SCORERS]
    known = [one for one in told if one["engine"] in order]
    known.sort(key=lambda one: (order.index(one["engine"]), one["device"]))
    return [
        {"agrees": True if one.get("used") else None, **one}
        | {"label": called(one["engine"]), "at": _at(one)}
        | {"speed": (speed := _speed(one)), "pace": _pace(speed)}
        for one in known
    ]


def _speed(one: Json) -> float | None:
    """How many times as fast as the model's own library, on the rows that were compared."""
    took = one.get("seconds") or {}
    return took["own"] / took["engine"] if took.get("own") and took.get("engine") else None


def _pace(speed: float | None) -> str:
    """In a word, as exactly as a page says the figure."""
    shown = round(speed or 0, 1)
    return "" if not speed else "slower" if shown < 1 else "faster" if shown > 1 else "no gain"


def _at(one: Json) -> datetime | None:
    return datetime.fromisoformat(one["when"]) if one.get("when") else None
