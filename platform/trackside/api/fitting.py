"""Would it fit? The same question that the train dialog asks, answered for scripts."""

from dataclasses import asdict
from typing import Any

from recipes.tasks import data_of
from trackside.compute import fit, outlook
from trackside.compute.board import board
from trackside.compute.requests import clean
from trackside.lab import device_wish, estimates, forecast, second_dataset
from trackside.lab.diagnostics import Finding
from trackside.lab.freezing import placed
from trackside.lab.models import Analysis
from trackside.lab.pages import diagnose
from trackside.lab.queries import with_compute

ON_A_GPU = {"kind": "any", "count": 1}


def answer(analysis: Analysis, compute: dict[str, Any] | None, user: Any) -> dict[str, Any]:
    """A verdict for each GPU, the start, the duration and what may spoil it. Raises BadCompute."""
    now, known, listed = board(user), estimates.know(), analysis.design["models"]
    models = [one for one in listed if one.get("on", True)] or listed
    held = compute or analysis.design.get("compute")
    wish = clean(placed(analysis.task, models, device_wish.compute(models, held)))
    on_gpu = ON_A_GPU if wish["kind"] == "cpu" else wish
    there = with_compute(analysis, on_gpu)
    need = estimates.largest([estimates.need(there, one, known) for one in models])
    verdicts = fit.verdicts(need, now, on_gpu)
    starts = forecast.start(wish, now, user=user, project=analysis.project, need=need)
    fit.reserve(verdicts, starts.pop("kept", {}))
    here = with_compute(analysis, wish)
    images = data_of(analysis.task) == "images"
    return {
        "gpus": [{"uuid": uuid, **verdict} for uuid, verdict in verdicts.items()],
        "need": {"bytes": need.bytes, "basis": need.basis, "notes": need.notes},
        "start": starts,
        "duration": estimates.together([estimates.seconds(here, one, known) for one in models]),
        "rows": {} if images else second_dataset.parts(analysis).told(),
        "effective_batch": outlook.effective_batch(analysis.design, wish) if images else {},
        "findings": told(diagnose(analysis)),
    }


def told(found: list[Finding]) -> list[dict[str, Any]]:
    """What the design page warns of, as `findings` of an answer."""
    return [asdict(one) for one in found]
