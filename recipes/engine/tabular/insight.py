"""What a report says of the inside of a model, step by step."""

from typing import Any

import numpy as np

from recipes.engine.before import stands_on
from recipes.engine.tabular import attribution, diagnostics, effects, report_steps
from recipes.engine.tabular.fitting import Fit, Judged
from recipes.engine.tabular.model import Model
from recipes.engine.tabular.report_steps import Steps
from recipes.learners.learner import NotAddingUp


def made(
    fit: Fit, model: Model, held: Judged, threshold: float | None, steps: Steps
) -> dict[str, Any]:
    """Importance, contributions, partial dependence, diagnostics of the model that was judged by
    the rows `held`. No contributions, with a note, where the library's do not add up."""
    ready, seed = fit.ready, fit.job.seed
    learned = np.setdiff1d(ready.parts.train, held.rows)
    samples = [effects.sampled(model, ready, rows, seed) for rows in (held.rows, learned)]
    steps.begin(report_steps.IMPORTANCE)
    found = effects.importance(model, samples[0], seed, steps.told)
    steps.begin(report_steps.CONTRIBUTIONS)
    try:
        moved = attribution.shown(model, samples[0], ready, held, threshold, steps.told)
    except NotAddingUp as wrong:
        fit.journal.write("note", level="warning", text=str(wrong))
        moved = attribution.Shown()
    found["shap"] = moved.ranking
    names = [one["name"] for one in found["permutation"]["columns"]]
    steps.begin(report_steps.PARTIAL)
    spare, classes = report_steps.spare(fit.course.spent()), len(ready.classes)
    partial = effects.partial(model, samples[0], names, spare, classes, steps.told)
    steps.begin(report_steps.DIAGNOSTICS)
    kind, stands = "too_good", stands_on(fit.design)
    said = [{"kind": kind, "text": stands[kind]}] if kind in stands else []
    return {
        "importance": found,
        "shap": moved.points,
        "individual": moved.rows,
        "partial": partial.columns,
        "partial_left_out": partial.left_out,
        "diagnostics": [*said, *diagnostics.diagnose(model, ready, *samples)],
    }
