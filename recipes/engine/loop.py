"""The one training loop: epochs under DistributedDataParallel, the best weights kept."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from recipes.engine import checkpoint, metrics, schedule
from recipes.engine.checkpoint import Checkpoint
from recipes.engine.pace import Pace
from recipes.engine.peers import Peers, autocast
from recipes.engine.predict import outputs
from recipes.engine.sources import Source, ahead, order
from recipes.events import Journal
from recipes.nets.classifier import Net, train_mode
from recipes.tasks import Metric


class NotFinite(Exception):
    """The loss is no number any more; the message says what to change."""

    code = "not_finite"


@dataclass(frozen=True, kw_only=True)
class Course:
    """Everything a training needs besides the net."""

    train: Source
    val: Source
    settings: dict[str, Any]
    metric: Metric
    classes: int
    pretrained: bool
    precision: str
    seed: int
    home: Path  # for checkpoints
    features: bool  # batches are features: the head alone runs
    stopped: Callable[[], bool] = lambda: False  # asked on rank 0


@dataclass
class Standing:
    """How far the training is."""

    epoch: int = 0
    step: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    best: int = 0
    best_rank: tuple[float, float] = (-np.inf, -np.inf)
    since_best: int = 0
    watched: float = -np.inf
    early: str = ""  # why it ended before the last epoch, as a sentence


class Loop:
    """Trains `net` in place and leaves the best weights in it."""

    def __init__(self, net: Net, course: Course, peers: Peers, journal: Journal) -> None:
        self.net = net
        self.course = course
        self.peers = peers
        self.journal = journal
        self.at = Standing()
        self.inner: nn.Module = net.head if course.features else net
        self.optimizer = schedule.optimizer_for(net, course.settings, pretrained=course.pretrained)
        scales = course.precision == "fp16"
        self.scaler = torch.amp.GradScaler(peers.device.type, enabled=scales)
        self.best: checkpoint.State = {}
        self._resume()
        self.learner = peers.wrap(self.inner)
        self.pace = Pace(journal, peers, course.settings["epochs"])
        self._weights = self._class_weights()

    def run(self) -> Standing:
        at, settings = self.at, self.course.settings
        while at.epoch < settings["epochs"] and not at.early:
            began = time.monotonic()
            torch.manual_seed(seed_of(self.course.seed, at.epoch, self.peers.rank))
            loss, stopped = self._train()
            at.epoch += 1
            trained = time.monotonic() - began
            event = {"epoch": at.epoch, "train_loss": loss, **self._judge()}
            event["train_seconds"] = round(trained, 3)
            event["seconds"] = round(time.monotonic() - began, 3)
            at.history.append(event)
            self.journal.write("epoch", **event)
            at.early = self._why_end(stopped)
            self._save()
        self.inner.load_state_dict(self.best, strict=False)
        return at

    def _train(self) -> tuple[float, bool]:
        """One epoch; the mean loss over all ranks, and whether someone asked for an early end."""
        plan = self._order()
        self._train_mode(single=plan.shape[1] == 1)
        loads = (partial(self._load, step, places) for step, places in enumerate(plan))
        votes = self.peers.votes()
        total, steps, stopped = torch.zeros((), device=self.peers.device), 0, False
        batches = ahead(loads, threads=self.peers.readers, depth=4)
        for step, (places, loaded, rng) in enumerate(self.pace.timed(batches)):
            loss = self._step(places, loaded, rng, step, len(plan))
            total += loss
            steps += 1
            self.at.step += 1
            self._report(loss, step, len(plan), len(places))
            stopped = votes.cast(self.peers.rank == 0 and self.course.stopped())
            if stopped:
                break
        stopped = votes.close() or stopped
        summed, count = self.peers.sum([float(total), float(steps)])
        mean = summed / count
        self._must_be_finite(mean)
        return mean, stopped

    def _order(self) -> Any:
        plan = order(
            len(self.course.train.labels),
            self.course.settings["batch_size"],
            self.peers.world,
            seed=self.course.seed,
            epoch=self.at.epoch,
        )
        return plan[:, self.peers.rank]

    def _load(self, step: int, places: Any) -> tuple[Any, Tensor, np.random.Generator]:
        rng = np.random.default_rng([self.course.seed, self.at.epoch, step, self.peers.rank])
        loaded = self.course.train.load(places, rng)
        return places, loaded.pin_memory() if self.peers.device.type == "cuda" else loaded, rng

    def _step(
        self, places: Any, loaded: Tensor, rng: np.random.Generator, step: int, steps: int
    ) -> Tensor:
        rate = self.course.settings["learning_rate"] * schedule.factor(
            self.course.settings, self.at.epoch * steps + step, steps
        )
        schedule.set_rate(self.optimizer, rate)
        batch = self.course.train.prepare(loaded, rng)
        target = self.course.train.labels[torch.from_numpy(places)].to(self.peers.device)
        with autocast(self.peers.device, self.course.precision):
            logits = self.learner(batch)
        loss = functional.cross_entropy(
            logits.float(),
            target,
            weight=self._weights,
            label_smoothing=self.course.settings["label_smoothing"],
        )
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return loss.detach()

    def _report(self, loss: Tensor, step: int, steps: int, pictures: int) -> None:
        self.pace.did(pictures)
        if not self.pace.due():
            return
        value = float(loss)
        self._must_be_finite(value)
        self.pace.tell(
            done=self.at.epoch + (step + 1) / steps,
            step=self.at.step,
            loss=value,
            lr=self.optimizer.param_groups[-1]["lr"],
        )

    def _judge(self) -> dict[str, Any]:
        """Validate, and remember the weights when they are the best so far."""
        at, course = self.at, self.course
        self.peers.average(list(self.inner.buffers()))
        logits = outputs(
            self.inner,
            course.val,
            self.peers,
            course.precision,
        )
        judged = self.peers.share(
            metrics.judge(course.val.labels.numpy(), probabilities(logits))
            if self.peers.rank == 0
            else None
        )
        val_loss = float(judged["log_loss"])
        score = judged[course.metric.name]
        worth = -np.inf if score is None else score if course.metric.higher_is_better else -score
        best = (worth, -val_loss) > at.best_rank or not at.best
        if best:
            at.best, at.best_rank = at.epoch, (worth, -val_loss)
            self.best = {name: one.detach().cpu().clone() for name, one in self._state().items()}
        if worth > at.watched + course.settings["min_delta"]:
            at.watched, at.since_best = worth, 0
        else:
            at.since_best += 1
        return {"val_loss": val_loss, "metrics": judged, "best": best}

    def _why_end(self, stopped: bool) -> str:
        settings = self.course.settings
        if stopped:
            return f"Finished early in epoch {self.at.epoch}, as asked."
        if settings["early_stopping"] and self.at.since_best >= settings["patience"]:
            return (
                f"Stopped after epoch {self.at.epoch}: {self.course.metric.label} has not improved "
                f"for {self.at.since_best} epochs."
            )
        return ""

    def _save(self) -> None:
        if self.peers.rank != 0:
            return
        at = self.at
        info = {name: value for name, value in vars(at).items() if name != "best_rank"}
        info = {**info, "best_rank": list(at.best_rank), "scaler": self.scaler.state_dict()}
        saved = Checkpoint(
            epoch=at.epoch,
            net=self._state(),
            optimizer=checkpoint.optimizer_state(self.optimizer),
            info=info,
        )
        path = checkpoint.write(self.course.home, saved, best=at.best)
        self.journal.write("checkpoint", epoch=at.epoch, path=str(path))

    def _resume(self) -> None:
        """Go on after the newest whole checkpoint of this folder whose best one is whole too."""
        found = checkpoint.newest(self.course.home)
        if found is None:
            return
        best = checkpoint.read(self.course.home / f"e{found.info['best']:04d}")
        if best is None:
            return
        scaler = found.info.pop("scaler")
        self.at = Standing(**{**found.info, "best_rank": tuple(found.info["best_rank"])})
        self.inner.load_state_dict(found.net, strict=False)
        checkpoint.restore_optimizer(self.optimizer, found.optimizer)
        if scaler:
            self.scaler.load_state_dict(scaler)
        self.best = best.net
        self.journal.write(
            "note", level="info", text=f"Goes on after epoch {found.epoch}, from its checkpoint."
        )

    def _state(self) -> checkpoint.State:
        """What a training changes: parameters that learn, and all buffers."""
        learning = {n: one for n, one in self.inner.named_parameters() if one.requires_grad}
        return {**learning, **dict(self.inner.named_buffers())}

    def _train_mode(self, *, single: bool) -> None:
        if self.course.features:
            self.inner.train()
        else:
            train_mode(self.net, still=single)

    def _class_weights(self) -> Tensor | None:
        if not self.course.settings["balance_classes"]:
            return None
        counts = torch.bincount(self.course.train.labels, minlength=self.course.classes)
        weights = counts.sum() / (self.course.classes * counts.clamp(min=1))
        return weights.float().to(self.peers.device)

    def _must_be_finite(self, loss: float) -> None:
        if not np.isfinite(loss):
            rate = self.course.settings["learning_rate"]
            raise NotFinite(
                f"The loss is no finite number any more in epoch {self.at.epoch + 1}. A smaller "
                f"learning rate than {rate:g} (try {rate / 10:g}) or a longer warm-up helps in "
                "nearly all cases; so does the precision fp32."
            )


def probabilities(logits: Tensor) -> Any:
    """Softmax in double precision, as numpy."""
    return logits.double().softmax(1).numpy()


def seed_of(*parts: int) -> int:
    """One seed out of several numbers."""
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:7], "big")
