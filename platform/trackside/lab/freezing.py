"""Turns a design into the spec of a train job (docs/jobs.md): one plain dict, nothing left open."""

from copy import copy
from typing import Any

from recipes import features
from recipes.algorithms import ALGORITHMS
from recipes.algorithms.algorithm import Resolved
from recipes.params import ParamError
from recipes.tasks import data_of, table_split
from trackside.compute.models import Gpu
from trackside.compute.services import libraries
from trackside.datasets import holding
from trackside.jobs import kinds
from trackside.lab import handling, searching, second_dataset, subjects
from trackside.lab.models import Analysis
from trackside.lab.subjects import columns_of, ready
from trackside.lab.trouble import Refused

Spec = dict[str, Any]


def device_for(compute: dict[str, Any]) -> str:
    """cpu or cuda: what the ranks will really compute on. Simulated GPUs are CPU ranks."""
    kind = compute.get("kind", "cpu")
    if kind == "cpu":
        return "cpu"
    rows = Gpu.objects.filter(present=True)
    if kind == "gpus":
        rows = rows.filter(uuid__in=compute.get("uuids", []))
    real = rows.filter(node__simulated=False).exists()
    return "cuda" if real or not rows.exists() else "cpu"


def resolved(design: dict[str, Any], model: dict[str, Any], device: str) -> Resolved:
    """The model's params, training and augmentation with nothing left that the device decides."""
    card = ALGORITHMS[model["algorithm"]]
    training = {**design["training"], **model.get("training", {})}
    params, told = card.translate(model["params"])  # kept before it was, by a recipe
    done = card.resolve(
        card.params.clean(params), card.training.clean(training), design["augmentation"], device
    )
    return done._replace(notes=[*model.get("notes", []), *told, *done.notes])


def freeze(analysis: Analysis, model: dict[str, Any]) -> Spec:
    """The spec for one model of `analysis.design`, on the compute that the design names.

    The same design, model and data give the same spec to the last byte. Raises Refused.
    """
    dataset = ready(analysis.dataset)
    design = analysis.design
    lacking = handling.lacking([model], libraries())
    positive = design.get("positive", "")
    unfit = subjects.unfit(dataset, analysis.task, analysis.target, positive)
    for sentence in (unfit, *lacking.values()):
        if sentence:
            raise Refused(sentence)
    return {
        "task": analysis.task,
        "algorithm": model["algorithm"],
        **OWN[data_of(analysis.task)](analysis, model),
        "split": design["split"],
        "metric": design["metric"],
        "dataset": holding.source(dataset),
        "target": analysis.target,
    }


def _of_images(analysis: Analysis, model: dict[str, Any]) -> Spec:
    design = analysis.design
    done = resolved(design, model, device_for(design.get("compute") or {}))
    parts = {"training": done.training, "augmentation": done.augmentation}
    return {"params": done.params, **parts, **_told(done)}


def _told(done: Resolved) -> Spec:
    """What was changed of the settings: the job, which gets them changed, says it again."""
    return {"notes": done.notes} if done.notes else {}


def _of_table(analysis: Analysis, model: dict[str, Any]) -> Spec:
    """`features` are complete for this algorithm, so that a new default changes no old spec."""
    design, card = analysis.design, ALGORITHMS[model["algorithm"]]
    done = resolved(design, model, device_for(design.get("compute") or {}))
    columns = handling.inputs(columns_of(analysis.dataset), analysis.target)
    try:
        made, _ = features.resolve(
            columns,
            design["features"],
            rows=analysis.dataset.rows,
            takes_missing=card.takes_missing,
            scales=card.scales,
            ranks=card.ranks,
        )
    except ParamError as wrong:
        raise Refused(str(wrong)) from None
    roles = {one["role"] for one in made.values()}
    if "input" not in roles:
        raise Refused(
            "No column is left to learn from: each is left out. Give one the role Input in "
            "Features handling."
        )
    if design["split"]["policy"] == "time" and "time" not in roles:
        raise Refused(
            "The split is by time and no column has the role Time: give it to one in Features "
            "handling, or split at random."
        )
    if said := table_split.trouble(design["split"], analysis.task, timed="time" in roles):
        raise Refused(said)
    found = {"params": done.params, "features": made, "rebalance": design["rebalance"]}
    found |= second_dataset.frozen(analysis)
    if design.get("positive"):
        found["positive"] = design["positive"]
    if design.get("runtime", {}).get("learning_curve"):
        found["learning_curve"] = True
    found["refit"] = bool(design.get("runtime", {}).get("refit", True))
    return {**found, **_searched(design, {**model, "params": done.params}), **_told(done)}


def _searched(design: dict[str, Any], model: dict[str, Any]) -> Spec:
    if sentence := searching.trouble(design, model):
        raise Refused(sentence)
    wish = searching.spec(design, model)
    return {"search": wish} if wish else {}


OWN = {"images": _of_images, "table": _of_table}


def placed(task: str, models: list[dict[str, Any]], compute: dict[str, Any]) -> dict[str, Any]:
    """The compute of a click with what its models decide: some learn in several ranks, some in one.

    Raises BadCompute where none of them has a use for several.
    """
    return kinds.shared([told(task, one) for one in models], compute)


def own(analysis: Analysis, model: dict[str, Any]) -> Analysis:
    """A copy of the analysis on what this one of its models takes of the click's compute."""
    made = copy(analysis)
    compute = taken(analysis.task, model, analysis.design["compute"])
    made.design = {**analysis.design, "compute": compute}
    return made


def taken(task: str, model: dict[str, Any], compute: dict[str, Any]) -> dict[str, Any]:
    """Of the compute of a click what this model takes: one rank or GPU where it has no more use."""
    return kinds.own(told(task, model), compute)


def told(task: str, model: dict[str, Any]) -> Spec:
    """What of a spec decides where the model can be trained."""
    return {"task": task, "algorithm": model["algorithm"], "params": model["params"]}
