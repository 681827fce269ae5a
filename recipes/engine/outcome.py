"""How a training ends: the best weights judged, the bundle written, the result told."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recipes import bundle
from recipes.engine import metrics, reference_pictures, report
from recipes.engine.before import stands_on, tell_grown
from recipes.engine.facts import versions
from recipes.engine.loop import Loop
from recipes.engine.metrics import Floats, Ints
from recipes.engine.predict import outputs, probabilities
from recipes.engine.prepare import Ready, Work


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The final predictions of one part of the pictures, and the figures made of them."""

    true: Ints
    probas: Floats
    metrics: dict[str, float | None]


def judge(loop: Loop, ready: Ready, part: str) -> Judged | None:
    """What the weights in the net make of a part; None when it is empty. All ranks call it."""
    source = ready.sources[part]
    if not len(source.labels):
        return None
    logits = outputs(loop.inner, source, loop.peers, loop.course.precision)
    true, probas = source.labels.numpy(), probabilities(logits)
    return Judged(true=true, probas=probas, metrics=metrics.judge(true, probas))


def publish(
    work: Work,
    ready: Ready,
    loop: Loop,
    judged: dict[str, Judged | None],
    used: dict[str, Any],
) -> None:
    """Rank 0 writes the bundle and the last event. `used` are the facts of all ranks' clocks."""
    val, test = judged["val"], judged["test"]
    if val is None:
        raise ValueError("A training without validation pictures came to its end.")
    parts, design = ready.parts, work.design
    made = report.make(parts.val, val.true, val.probas, parts.classes, split="val")
    made["history"] = loop.at.history
    made["test"] = (
        report.make(parts.test, test.true, test.probas, parts.classes, split="test")
        | {"metrics": test.metrics}
        if test
        else None
    )
    made["definitions"] = {one.name: one.definition for one in design.task.metrics.values()}
    model = {
        "task": design.task.name,
        "algorithm": design.algorithm.name,
        "params": {**design.params, "image_size": work.seen.size},
        "training": design.training,
        "augmentation": design.augmentation,
        "split": design.split,
        "epochs": loop.at.best,
        **stands_on(design),
        "classes": parts.classes,
        "image": bundle.describe(work.seen),
        "metric": design.metric.name,
        "metrics": val.metrics,
        "test_metrics": test.metrics if test else None,
        "fingerprint": design.fingerprint,
        "seed": work.job.seed,
        "versions": versions(),
    }
    place = work.folder / "bundle"
    rows = report.predictions(parts.val, val.true, val.probas, parts.classes)
    peers, precision = work.peers, loop.course.precision
    learned_from = reference_pictures.of_training(ready, precision, peers.device, work.job.seed)
    ready.net.cpu()

    def save(folder: Path) -> None:
        bundle.save_net(ready.net, rows, folder)
        reference_pictures.save(learned_from, folder)

    size = bundle.write(place, model, made, save)
    tell_grown(work.journal, design, loop.at.best)
    work.journal.write(
        "finished",
        bundle=str(place),
        metric=design.metric.name,
        score=val.metrics[design.metric.name],
        metrics=val.metrics,
        kept=_kept(loop),
        facts={**used, **_facts(work, ready, loop, size)},
    )


def _kept(loop: Loop) -> dict[str, Any]:
    """The losses of the epoch whose weights the model has."""
    one = next(one for one in loop.at.history if one["epoch"] == loop.at.best)
    return {name: one[name] for name in ("epoch", "train_loss", "val_loss")}


def _facts(work: Work, ready: Ready, loop: Loop, size: int) -> dict[str, Any]:
    pace = loop.pace
    parameters = list(ready.net.parameters())
    return {
        "device": work.device,
        "precision": work.precision,
        "ranks": work.peers.world,
        "threads": work.job.compute.threads,
        "rate": round(pace.pictures / pace.seconds, 1) if pace.seconds else None,
        "versions": versions(),
        "images": ready.parts.counts(),
        "parameters": sum(one.numel() for one in parameters),
        "trainable": sum(one.numel() for one in parameters if one.requires_grad),
        "size": size,
        "image_size": work.seen.size,
        "retrained": work.design.params["retrained"],
        "best_epoch": loop.at.best,
        "epochs": loop.at.epoch,
        "left_out": loop.at.left_out,
        **stands_on(work.design),
        **({"began": loop.at.began} if loop.at.began else {}),
    }
