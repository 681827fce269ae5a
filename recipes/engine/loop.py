"""The one training loop: epochs under DistributedDataParallel, the best weights kept."""

import time
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from recipes import crash, pulse
from recipes.engine import checkpoint, metrics, saving, schedule
from recipes.engine.checkpoint import Checkpoint
from recipes.engine.course import FINISH, GIVE_WAY, NOTHING, SAVE, WISHES, Course, Standing, seed_of
from recipes.engine.finite import Finite
from recipes.engine.pace import Pace
from recipes.engine.peers import Peers, autocast
from recipes.engine.predict import probabilities
from recipes.engine.saving import Found, Keeper
from recipes.engine.sources import ahead, order
from recipes.engine.steps import Steps
from recipes.engine.validation import validate
from recipes.events import Journal
from recipes.job import GaveWay
from recipes.nets.classifier import Net, train_mode


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
        self.steps = Steps(self.optimizer, peers.device, course.precision)
        self.best: checkpoint.State = {}
        self.finite = Finite(peers.device, course.settings)
        self.keeper = Keeper(course.home, peers, journal, self.finite.check)
        self._found = self._resume()
        self.learner = peers.wrap(self.inner)
        self.pace = Pace(journal, peers, course.settings["epochs"], course.before)
        self._weights = course.class_weights(peers.device)
        self._patience = pulse.FIRST  # of the first step of this process

    def run(self) -> Standing:
        """Raises NotFinite, and GaveWay with the checkpoint written."""
        at, settings = self.at, self.course.settings
        self._lay_buckets()
        while at.epoch < settings["epochs"] and not at.early:
            began = time.monotonic()
            loss, heard, own = self._train()
            trained = time.monotonic() - began
            logits, later = self._validate(own)
            heard = max(heard, later)
            at.epoch, at.within = at.epoch + 1, 0
            event = {"epoch": at.epoch, "train_loss": loss, **self._judge(logits)}
            event["train_seconds"] = round(trained, 3)
            event["seconds"] = round(time.monotonic() - began, 3)
            self.steps.tell(at, event, self.journal)
            at.history.append(event)
            self.journal.write("epoch", **event)
            at.early = self._why_end(stopped=heard == FINISH)
            self._save(None)
            crash.point("loop.epoch_saved")
            if heard == GIVE_WAY and at.epoch < settings["epochs"] and not at.early:
                raise GaveWay
        self.inner.load_state_dict(self.best, strict=False)
        return at

    def _train(self) -> tuple[float, int, checkpoint.State]:
        """One epoch, or what is left of it; the mean loss over all ranks, what was heard, and what
        this rank has alone."""
        plan = self.plan()
        self._train_mode(single=plan.shape[1] == 1)
        total, votes, heard = self._begin(), self.peers.votes(), NOTHING
        steps = range(self.at.within, len(plan))
        loads = (partial(self._load, step, plan[step]) for step in steps)
        batches = ahead(loads, threads=self.peers.readers, depth=4)
        for step, (places, loaded, rng) in zip(steps, self.pace.timed(batches), strict=True):
            loss = self._step(places, loaded, rng, step, len(plan))
            total += loss
            self.at.step += 1
            self.at.within = step + 1
            self._report(loss, step, len(plan), len(places))
            heard = votes.cast(self._wish())
            if heard > SAVE:
                break
            if heard == SAVE and self.at.within < len(plan):
                self._save(self._own(total))
            self._mark(pulse.LOAD)
        heard, own = max(heard, votes.close()), self._own(total)
        if heard == GIVE_WAY:
            self._save(own)
            raise GaveWay
        summed, count = self.peers.sum([float(total), float(self.at.within)])
        self.finite.check()
        self.finite.mean(summed / count, self.at.epoch + 1)
        return summed / count, heard, own

    def _wish(self) -> int:
        if self.peers.rank != 0:
            return NOTHING
        return WISHES.get(self.course.stopped(), SAVE if self.keeper.due() else NOTHING)

    def _begin(self) -> Tensor:
        """The random numbers of this epoch, and the sum of its losses so far."""
        at, seed, found, self._found = self.at, self.course.seed, self._found, None
        device = self.peers.device
        if found is None or not at.within:
            torch.manual_seed(seed_of(seed, at.epoch, self.peers.rank))
            return torch.zeros((), device=device)
        ranks = found.checkpoint.ranks
        if found.world == self.peers.world:
            return saving.restore_own(self.inner, ranks[self.peers.rank], device)
        torch.manual_seed(seed_of(seed, at.epoch, self.peers.rank, at.within))
        mean = saving.restore_mean(self.inner, ranks, device)
        return mean * (at.within / found.checkpoint.step)

    def _mark(self, stage: int) -> None:
        pulse.beat(self.at.step + 1, stage, patience=self._patience)

    def plan(self) -> Any:
        """This rank's pictures of each step of the epoch."""
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
        self._mark(pulse.LEARN)
        rate = self.course.settings["learning_rate"] * schedule.factor(
            self.course.settings, self.at.epoch * steps + step, steps
        )
        schedule.set_rate(self.optimizer, rate)
        loss = self._loss(places, loaded, rng)
        self.finite.saw(loss.detach(), self.at.step + 1)
        self._mark(pulse.MEET)
        crash.point("loop.step")
        self.steps.take(loss)
        self._patience = 0.0
        return loss.detach()

    def _loss(self, places: Any, loaded: Tensor, rng: np.random.Generator) -> Tensor:
        batch = self.course.train.prepare(loaded, rng)
        target = self.course.train.labels[torch.from_numpy(places)].to(self.peers.device)
        with autocast(self.peers.device, self.course.precision):
            logits = self.learner(batch)
        return functional.cross_entropy(
            logits.float(),
            target,
            weight=self._weights,
            label_smoothing=self.course.settings["label_smoothing"],
        )

    def _lay_buckets(self) -> None:
        """DDP lays its buckets anew after its first backward pass, and of three ranks or more the
        order of a sum depends on them: one pass is thrown away, so that all that count are alike,
        also those after a restart."""
        if self.peers.world < 3 or self.peers.device.type != "cpu":
            return
        plan = self.plan()
        kept = self._own(torch.zeros(()))
        self._train_mode(single=plan.shape[1] == 1)
        self._loss(*self._load(0, plan[0])).backward()  # type: ignore[no-untyped-call]
        self.optimizer.zero_grad(set_to_none=True)
        saving.restore_own(self.inner, kept, self.peers.device)

    def _report(self, loss: Tensor, step: int, steps: int, pictures: int) -> None:
        self.pace.did(pictures)
        if not self.pace.due():
            return
        self.finite.check()
        rate, done = self.optimizer.param_groups[-1]["lr"], self.at.epoch + (step + 1) / steps
        self.pace.tell(done=done, step=self.at.step, loss=float(loss), lr=rate)

    def _validate(self, own: checkpoint.State) -> tuple[Tensor, int]:
        """What the net makes of the validation's pictures, and what was heard meanwhile.

        To give way need not wait for it: the checkpoint has what stood before, and it begins anew.
        """
        pulse.beat()
        self.peers.average(list(self.inner.buffers()))
        try:
            return validate(self.inner, self.course, self.peers, self._wish)
        except GaveWay:
            self._save(own)
            raise

    def _judge(self, logits: Tensor) -> dict[str, Any]:
        """The figures; the weights are remembered when they are the best so far."""
        at, course = self.at, self.course
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

    def _why_end(self, *, stopped: bool) -> str:
        settings = self.course.settings
        if stopped:
            return f"Finished early in epoch {self.at.epoch}, as asked."
        if settings["early_stopping"] and self.at.since_best >= settings["patience"]:
            return (
                f"Stopped after epoch {self.at.epoch}: {self.course.metric.label} has not improved "
                f"for {self.at.since_best} epochs."
            )
        return ""

    def _own(self, total: Tensor) -> checkpoint.State:
        """What this rank has alone within an epoch, as it stands now."""
        own = saving.own_state(self.inner, total, self.peers.device)
        return {name: one.clone() for name, one in own.items()}

    def _save(self, own: checkpoint.State | None) -> None:
        """With what a rank has alone: within the epoch. All ranks call it."""
        at = self.at
        at.left_out += self.steps.left_out()
        self.finite.check()
        scaler = self.steps.scaler.state_dict()
        info = {**vars(at), "best_rank": list(at.best_rank), "scaler": scaler}
        info |= {"world": self.peers.world, "batch": self.plan().shape[1]}
        made = Checkpoint(
            epoch=at.epoch,
            step=at.within,
            net=self._state(),
            optimizer=checkpoint.optimizer_state(self.optimizer),
            best=self.best,
            info=info,
        )
        self.keeper.save(made, own)

    def _resume(self) -> Found | None:
        """Go on from the newest whole checkpoint of this folder."""
        found = self.keeper.find()
        if found is None:
            return None
        made = found.checkpoint
        scaler = made.info.pop("scaler")
        self.at = Standing(**{**made.info, "best_rank": tuple(made.info["best_rank"])})
        self.inner.load_state_dict(made.net, strict=False)
        checkpoint.restore_optimizer(self.optimizer, made.optimizer)
        if scaler:
            self.steps.scaler.load_state_dict(scaler)
        self.best = made.best
        text = f"Goes on {saving.where(made)}, from its checkpoint."
        world, (steps, batch) = self.peers.world, self.plan().shape
        if found.world != world:
            self.at.within = min(
                self.at.within * found.world * found.batch // (world * batch), steps - 1
            )
            text += (
                f" It runs on {world} instead of {found.world} ranks: a step learns from "
                f"{world * batch} pictures instead of {found.world * found.batch}."
            )
        resumed = round(self.at.epoch + self.at.within / steps, 4)
        self.journal.write("note", level="info", text=text, resumed=resumed)
        return found

    def _state(self) -> checkpoint.State:
        """What a training changes: parameters that learn, and all buffers."""
        learning = {n: one for n, one in self.inner.named_parameters() if one.requires_grad}
        return {**learning, **dict(self.inner.named_buffers())}

    def _train_mode(self, *, single: bool) -> None:
        if self.course.features:
            self.inner.train()
        else:
            train_mode(self.net, still=single)
