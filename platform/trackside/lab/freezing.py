"""Turns a design into the spec of a train job (docs/jobs.md): one plain dict, nothing left open."""

from typing import Any

from recipes.algorithms import ALGORITHMS
from recipes.algorithms.algorithm import Resolved
from trackside.compute.models import Gpu
from trackside.datasets import queries as datasets
from trackside.datasets.models import Dataset, DatasetState
from trackside.lab.models import Analysis
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
    return card.resolve(
        card.params.clean(model["params"]),
        card.training.clean(training),
        dict(design["augmentation"]),
        device,
    )


def freeze(analysis: Analysis, model: dict[str, Any]) -> Spec:
    """The spec for one model of `analysis.design`, on the compute that the design names.

    The same design, model and data give the same spec to the last byte. Raises Refused.
    """
    dataset = ready(analysis.dataset)
    design = analysis.design
    done = resolved(design, model, device_for(design.get("compute") or {}))
    return {
        "task": analysis.task,
        "algorithm": model["algorithm"],
        "params": done.params,
        "training": done.training,
        "augmentation": done.augmentation,
        "split": design["split"],
        "metric": design["metric"],
        "dataset": {
            "folder": str(datasets.folder(dataset)),
            "fingerprint": dataset.fingerprint,
        },
        "target": analysis.target,
    }


def ready(dataset: Dataset) -> Dataset:
    """The dataset when it can train a model. Raises Refused with the sentence."""
    if dataset.state != DatasetState.READY:
        why = f" {dataset.reason}" if dataset.reason else ""
        raise Refused(
            f"The dataset {dataset.name} cannot be used yet: it is "
            f"{dataset.get_state_display().lower()}.{why}"
        )
    classes = [one for one in dataset.facts.get("classes") or [] if one.get("count")]
    if not classes and dataset.facts.get("boxes"):
        raise Refused(
            f"The dataset {dataset.name} has boxes around objects, not one class for each "
            "picture. A classifier needs classes; object detection comes later."
        )
    if len(classes) < 2:
        found = f"only {classes[0]['name']!r}" if classes else "no labels"
        raise Refused(
            f"The dataset {dataset.name} has {found}: a classifier needs pictures of at least two "
            "classes, each class in a folder of its own."
        )
    return dataset
