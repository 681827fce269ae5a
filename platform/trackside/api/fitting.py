"""Would it fit? The same question that the train dialog asks, answered for scripts."""

from typing import Any

from trackside.compute import fit, outlook
from trackside.compute.board import board
from trackside.compute.requests import clean
from trackside.compute.services import catalogue, peaks
from trackside.lab import forecast
from trackside.lab.models import Analysis

ON_A_GPU = {"kind": "any", "count": 1}


def answer(analysis: Analysis, compute: dict[str, Any], user: Any) -> dict[str, Any]:
    """A verdict for each GPU, the start and the duration. Raises BadCompute."""
    wish = clean(compute)
    now, known, facts = board(user), peaks(), analysis.dataset.facts
    on_gpu = ON_A_GPU if wish["kind"] == "cpu" else wish
    design, cards = analysis.design, catalogue()
    need = fit.estimate(design, cards, images=facts, compute=on_gpu, peaks=known)
    verdicts = fit.verdicts(need, now, on_gpu)
    starts = forecast.start(wish, now, user=user, project=analysis.project, need=need)
    fit.reserve(verdicts, starts.pop("kept", {}))
    return {
        "gpus": [{"uuid": uuid, **verdict} for uuid, verdict in verdicts.items()],
        "need": {"bytes": need.bytes, "basis": need.basis, "notes": need.notes},
        "start": starts,
        "duration": outlook.duration(design, cards, images=facts, compute=wish, peaks=known),
        "effective_batch": outlook.effective_batch(design, wish),
    }
