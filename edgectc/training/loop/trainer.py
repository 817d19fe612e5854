"""Trains a CTC model for any task: one readable loop, resumable at every checkpoint.

Each epoch draws its order, augmentation and dropout from (seed, epoch) alone, and checkpoints hold
the generators' states, so a run that is resumed continues with the very numbers of a run that was
never stopped. Several processes share each batch and take the very step that one would take.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.fabric import Fabric
from torch import Tensor

from edgectc.core.contracts import Task
from edgectc.core.errors import BundleMismatchError
from edgectc.core.messages import say, warn
from edgectc.core.parallel import ONE, Workers
from edgectc.core.staging import sweep, write_bytes
from edgectc.core.types import JSON, Array
from edgectc.data import sources
from edgectc.data.sources import Sources
from edgectc.language.lexicon import Lexicon
from edgectc.networks import torch_state
from edgectc.networks.model import CtcModel
from edgectc.training import identity as identities
from edgectc.training.log.progress import Display
from edgectc.training.log.records import EpochStats, Records, memory_mb
from edgectc.training.loop import checkpoints, devices, stopping
from edgectc.training.loop.checkpoints import Best, Checkpoint
from edgectc.training.loop.feeding import Feeder, bucketed, shared, to_device
from edgectc.training.loop.final_test import score_best
from edgectc.training.loop.guards import StepGuard, first_bad
from edgectc.training.loop.schedules import learning_rate
from edgectc.training.objectives import forward, losses
from edgectc.training.objectives.distillation import load_teacher, report
from edgectc.training.parameters import Average, Freezer, averaged
from edgectc.training.preparing import check_run, make_optimizer, open_run, owned, prepare
from edgectc.training.settings import Settings
from edgectc.training.task import Batch, output_frames
from edgectc.training.validation import validate


@dataclass(frozen=True)
class Result:
    """Where a run left its best weights, and how good they were on dev samples.

    Attributes:
        checkpoint: file of the best weights.
        epoch: in or after which they were found; 0 if no validation was finite.
        metric: name of the figure, e.g. ``dev_top1``.
        value: of the figure; None if no validation was finite.
    """

    checkpoint: Path
    epoch: int
    metric: str
    value: float | None


def train(
    config: Mapping[str, JSON],
    out: Path,
    *,
    data: Path | Sources | None,
    lexicon: Lexicon | None = None,
    device: str = "cpu",
    threads: int = 1,
    cache: Path | None = None,
    weights: Path | None = None,
    accept_changes: bool = False,
    workers: Workers = ONE,
) -> Result:
    """Train to the last epoch, continuing from ``out/last.safetensors`` if it is there.

    Writes ``config.json``, ``metrics.jsonl``, ``last.safetensors`` and ``best.safetensors`` (by
    the task's metric) to ``out``.

    Args:
        config: see `edgectc.training.settings.Settings`.
        out: folder of the run.
        data: the user's samples; None generates them.
        lexicon: words for the decoder.
        device: see `edgectc.training.loop.devices.fabric`.
        threads: of torch, on the CPU.
        cache: folder of prepared samples; None prepares them at each start.
        weights: checkpoint whose weights a run begins with; None for what the settings say.
        accept_changes: go on with a run though its data or lexicon are others now.
        workers: processes that prepare shards.

    Raises:
        ConfigError: the configuration cannot be honoured, or another process trains in ``out``.
        InputError: no usable samples, or targets that CTC cannot emit.
        BundleMismatchError: ``out`` holds a run of another configuration, or of other data.
        NonFiniteError: too many steps were not finite.
    """
    first = devices.is_first()
    with torch_state.training(threads), ExitStack() as held:
        if first:
            held.enter_context(owned(out))
        devices.check(device)
        now = identities.identify(sources.of(data), lexicon)
        identity = identities.check(out, now, accept_changes=accept_changes)
        check_run(config, out)
        settings, model, task = prepare(
            config, data=data, lexicon=lexicon, cache=cache, workers=workers
        )
        if weights is not None:
            model.load_state_dict(dict(checkpoints.read(weights).model))
        fabric = devices.fabric(device, settings.precision)
        if first:
            sweep(Path(out))  # a run that is complete writes no checkpoint again
            open_run(out, settings)
            identities.write(out, replace(identity, rows=task.rows, dropped=task.dropped))
            for name, content in task.files.items():
                write_bytes(out / name, content)
        fabric.barrier()
        return Trainer(settings, model, task, out, fabric).run()


class Trainer:
    """One training run. ``run`` does it all; the rest are its parts."""

    def __init__(
        self, settings: Settings, model: CtcModel, task: Task, out: Path, fabric: Fabric
    ) -> None:
        self.settings, self.unwrapped, self.task = settings, model, task
        self.out, self.fabric = out, fabric
        self.teacher = load_teacher(settings, model)
        if settings.compile:
            model.compile()
        self.model, self.optimizer = fabric.setup(model, make_optimizer(model, settings.optimizer))
        # Fabric's wrapper keeps the groups it was made with; loading a state makes new ones.
        self.inner = self.optimizer.optimizer
        if self.teacher is not None:
            self.teacher.to(fabric.device)
        self.terms = losses.terms(settings, self.teacher, task.competitors)
        self.scaler = getattr(fabric.strategy.precision, "scaler", None)
        self.guard = StepGuard(
            model, self.inner, limit=settings.bad_steps, back_off=settings.back_off
        )
        self.freezer = Freezer(model, settings.freeze)
        self.average = Average(model, settings.ema) if settings.ema else None
        self.feeder = Feeder(
            task.train, fabric.device, settings.workers, model.window if settings.bucket else None,
            fabric.global_rank, fabric.world_size,
        )  # fmt: skip
        self.noise = torch.Generator()
        self.stats = EpochStats()
        self.epoch = self.batch = 0
        self.validations_without_improvement = self.validations_since_cut = 0
        self.plateau = 1.0
        self.stop = stopping.Stop()
        self.last_loss = math.nan
        self.best = Best()
        self.steps = -(-task.epoch_rows // settings.batch_size)

    @property
    def step(self) -> int:
        """Steps done so far, over all epochs."""
        return self.epoch * self.steps + self.batch

    def run(self) -> Result:
        """Train what is left of the run."""
        total = self.settings.epochs * self.steps
        self._resume()
        main = self.fabric.is_global_zero
        name = self.task.metric.name
        done = round(self.epoch + self.batch / self.steps, 6)
        records = Records(self.out, done=done, step=self.step, metric=name) if main else None
        display = Display(total, done=self.step, shown=main)
        with closing(records) if records else nullcontext(), self._postponed() as self.stop:
            while self.epoch < self.settings.epochs and not self._stalled():
                self._one_epoch(records, display)
        value = self.best.value
        if main and self.teacher is not None and value is not None:
            best = checkpoints.read(self.out / "best.safetensors").model
            report(self.out, self.settings, self.teacher, best, self.task)
        if main and value is not None and self.task.test is not None and len(self.task.test):
            score_best(self.out, self.settings, self.task.test, self.fabric.device, self.best.epoch)
        return Result(self.out / "best.safetensors", self.best.epoch, name, value)

    def _postponed(self) -> AbstractContextManager[stopping.Stop]:
        """Let signals wait for the end of a step; several processes could not agree on one."""
        return stopping.postponed(active=self.fabric.world_size == 1)

    def _one_epoch(self, records: Records | None, display: Display) -> None:
        """Train an epoch, validate and save if it is time, and record the figures."""
        figures = self._train_epoch(records, display)
        self.epoch, self.batch = self.epoch + 1, 0
        last = self.epoch == self.settings.epochs
        checked = last or self.epoch % self.settings.validate_every == 0
        if checked:
            figures |= self._validate()
            name = self.task.metric.name
            display.metric = f"{name} {figures[name]}"
        if records is not None:
            if told := self.stats.warning(self.settings.optimizer.warn_norm):
                warn(f"epoch {self.epoch}: {told}")
            about = {**figures, "epoch": self.epoch, "step": self.step}
            records.epoch(self.step, about, self.stats.norms)
            if checked:
                records.plot(self.task.metric.name)
        self.stats, self.guard.bad = EpochStats(), 0
        if checked:
            self._save()

    def _train_epoch(self, records: Records | None, display: Display) -> dict[str, JSON]:
        """Train from batch ``self.batch`` of the epoch to its end; return its figures."""
        began, at_first = time.perf_counter(), self.stats.samples
        rate = self.rate()
        self.train_mode()
        for fed in self.feeder.feed(self._plan(), self.noise):
            rate = self.rate()
            norm = self.take_step(fed.batch, fed.rows, rate)
            self.batch += 1
            speed = (self.stats.samples - at_first) / (time.perf_counter() - began)
            display.update(self.step, self.stats.mean_loss, speed)
            if records is not None and norm is not None:
                records.step(self.step, lr=rate, grad_norm=norm, loss=self.last_loss)
            checked = self.batch < self.steps and self._due(self.settings.validate_steps)
            if checked:
                self._look(records, display, rate)
            due = checked or self._due(self.settings.save_steps)
            if self.stop.asked or (due and self.batch < self.steps):
                self._save(noise=fed.noise)
            if self.stop.asked:
                self.stop.deliver()
            if checked and self._stalled():
                break
        seconds = time.perf_counter() - began
        return {
            **self.stats.figures(),
            "lr": rate,
            "samples_per_s": round((self.stats.samples - at_first) / seconds, 1),
            "seconds": round(seconds, 1),
            "memory_mb": memory_mb(self.fabric.device),
        }

    def _due(self, every: int) -> bool:
        return every > 0 and self.step % every == 0

    def _look(self, records: Records | None, display: Display, rate: float) -> None:
        """Validate within an epoch, and record the figures so far under a part of an epoch."""
        figures = self._validate()
        name = self.task.metric.name
        display.metric = f"{name} {figures[name]}"
        if records is not None:
            epoch = round(self.epoch + self.batch / self.steps, 6)
            about = {**self.stats.figures(), **figures, "lr": rate, "epoch": epoch}
            records.epoch(self.step, {**about, "step": self.step}, self.stats.norms)
            records.plot(name)
        self.train_mode()

    def _plan(self) -> list[Array]:
        """Return the rows of each batch that is left of the epoch; seed all draws at its start."""
        size = self.settings.batch_size
        seed = self.settings.seed * 100_003 + self.epoch
        if self.batch == 0:
            torch.manual_seed(seed + 7919 * self.fabric.global_rank)
            self.noise.manual_seed(seed)
        rng = np.random.default_rng(seed)
        order = self.task.order(rng)
        if self.settings.bucket:
            order = bucketed(order, self.task.train.lengths, rng, size, self.task.buffer_rows)
        return [order[i * size : (i + 1) * size] for i in range(self.batch, self.steps)]

    def train_mode(self) -> None:
        """Set the network to training, all but what is frozen."""
        self.model.train()
        self.freezer.calm(self.epoch)

    def rate(self) -> float:
        """Return the learning rate of the step to come."""
        how = self.settings
        total = how.epochs * self.steps
        rate = learning_rate(self.step, total, how.optimizer, how.schedule)
        return rate * self.plateau * self.guard.scale

    def take_step(self, batch: Batch, rows: Array, rate: float) -> float | None:
        """Take one step; return the norm of the gradient, None if the step was refused.

        Args:
            batch: what this process has of the batch.
            rows: all of the batch.
            rate: learning rate.

        Raises:
            NonFiniteError: it was one refused step too many.
        """
        for group in self.inner.param_groups:
            group["lr"] = rate
        self.inner.zero_grad()
        self.last_loss, frames = self._backward(batch, len(rows))
        self.stats.seen(len(rows), frames)
        self.freezer.hold(self.epoch)
        clip = self.settings.optimizer.clip
        clipped: Any = self.fabric.clip_gradients(
            self.model, self.optimizer, max_norm=clip, error_if_nonfinite=False
        )
        norm = float(clipped)
        finite, broken = math.isfinite(self.last_loss), False
        if finite and math.isfinite(norm):
            self.optimizer.step()
            broken = not self.guard.finite()
            if not broken:
                self.guard.good_step(self.step)
                if self.average is not None:
                    self.average.update(self.unwrapped)
                self.stats.add(self.last_loss, norm)
                return norm
        elif finite and self.scaler is not None and self.scaler.get_scale() > 1.0:
            self.optimizer.step()  # the scaler skips it and lowers its scale: fp16 at work
            return None
        if self.scaler is not None and not broken:
            self.scaler.update()  # or the next step would find its gradient unscaled already
        what = self._describe(batch, rows)
        self.stats.refused(what)
        say(f"edgectc: step {self.step + 1} skipped: {what}")
        self.guard.bad_step(what, steps=self.steps, broken=broken)
        return None

    def _backward(self, batch: Batch, count: int) -> tuple[float, int]:
        """Add up the gradient of the mean loss over all ``count`` rows; return loss and frames.

        The batch is dealt out to processes and passes. A share counts by its size, so that the sum
        is the mean over samples however they are dealt.
        """
        fabric, passes = self.fabric, self.settings.optimizer.accumulate
        world, rank = fabric.world_size, fabric.global_rank
        own = len(range(rank, count, world))
        total: Any = 0.0
        for i in range(passes):
            mine = list(range(i, own, passes))
            weight = len(mine) * world / count
            with self._unsynced(i < passes - 1):
                loss = self._loss(batch.take(mine or [0]))
                loss = loss if weight == 1.0 else loss * weight
                fabric.backward(loss)
            total = total + loss.detach()
        frames = int(batch.inputs["length"].sum()) if own else 0
        if world == 1:
            return float(total), frames
        summed, together = devices.added_up([total, frames], fabric.device)
        return summed / world, int(together)

    def _unsynced(self, wanted: bool) -> AbstractContextManager[None]:
        return self.fabric.no_backward_sync(self.model) if wanted else nullcontext()

    def _loss(self, batch: Batch) -> Tensor:
        inputs = to_device(batch, self.fabric.device)
        log_probs = self.model(**inputs).float()
        return losses.total(self._forward(batch, inputs, log_probs), self.terms)

    def _forward(
        self, batch: Batch, inputs: Mapping[str, Tensor], log_probs: Tensor
    ) -> forward.Forward:
        frames = torch.from_numpy(output_frames(self.unwrapped, batch.inputs["length"].numpy()))
        return forward.Forward(
            model=self.model,
            inputs=inputs,
            log_probs=log_probs,
            frames=frames.to(self.fabric.device),
            labels=batch.labels * batch.views,
            blank_id=self.task.blank_id,
            epoch=self.epoch,
            views=batch.views,
            layout_ids=batch.layout_ids,
        )

    def _describe(self, batch: Batch, rows: Array) -> str:
        """Return which tensor went wrong first, and in which samples."""
        self.unwrapped.eval()
        inputs = to_device(batch, self.fabric.device)
        with torch.no_grad():
            one = self._forward(batch, inputs, self.unwrapped(**inputs).float())
            each = losses.ctc(one.log_probs, one.frames, one.labels, one.blank_id, "none")
        self.train_mode()
        world = self.fabric.world_size
        own = rows[shared(len(rows), self.fabric.global_rank, world)] if world > 1 else rows
        names = [self.task.train.name(int(row)) for row in own] * batch.views
        return f"loss {self.last_loss:.4g}, first {first_bad(self.unwrapped, batch, each, names)}"

    def _validate(self) -> dict[str, JSON]:
        """Return the dev figures; keep the weights if they are the best so far."""
        metric, fabric = self.task.metric, self.fabric
        with averaged(self.unwrapped, self.average):
            if fabric.world_size > 1:  # batch statistics are each process's own
                for buffer in self.unwrapped.buffers():
                    torch.distributed.broadcast(buffer, 0)
            score = validate(
                self.unwrapped,
                self.task,
                batch_size=self.settings.validation_batch,
                rank=fabric.global_rank,
                world=fabric.world_size,
            )
        value = score.figures[metric.name]
        # Weights that no step of the epoch has changed are nobody's best.
        better = self.stats.good > 0 and metric.better(value, self.best.value)
        self.validations_without_improvement = (
            0 if better else self.validations_without_improvement + 1
        )
        self._follow_plateau(better)
        if better:
            self.best = Best(self.epoch + (self.batch > 0), self.step, value)
            if self.fabric.is_global_zero:
                about = {**asdict(self.best), "metric": metric.name}
                checkpoints.write(self.out / "best.safetensors", Checkpoint(self._judged(), about))
        figures = {k: None if v is None or math.isnan(v) else v for k, v in score.figures.items()}
        return {**figures, "examples": [list(pair) for pair in score.examples]}

    def _judged(self) -> dict[str, Tensor]:
        """Return the weights that are validated and kept: the average, if there is one."""
        return self.average.weights if self.average is not None else self.unwrapped.state_dict()

    def _follow_plateau(self, better: bool) -> None:
        how = self.settings.schedule
        self.validations_since_cut = 0 if better else self.validations_since_cut + 1
        if how.type == "plateau" and self.validations_since_cut >= how.patience:
            self.plateau = max(self.plateau * how.factor, how.floor)
            self.validations_since_cut = 0

    def _stalled(self) -> bool:
        return 0 < self.settings.patience <= self.validations_without_improvement

    def _save(self, noise: Tensor | None = None) -> None:
        """Write ``last.safetensors``; ``noise`` is the generator's state between two steps."""
        self.guard.keep()
        rng: dict[str, Tensor] = {"host": self.fabric.all_gather(torch.get_rng_state())}
        rng["noise"] = self.noise.get_state() if noise is None else noise
        if self.fabric.device.type == "cuda":
            rng["device"] = self.fabric.all_gather(torch.cuda.get_rng_state(self.fabric.device))
        progress = {
            "epoch": self.epoch,
            "batch": self.batch,
            "best": asdict(self.best),
            "stale": self.validations_without_improvement,
            "flat": self.validations_since_cut,
            "plateau": self.plateau,
            "guard": [self.guard.scale, self.guard.in_a_row, self.guard.bad],
            "scaler": self.scaler.state_dict() if self.scaler is not None else {},
            "tally": self.stats.state(),
            "averaged": self.average.updates if self.average is not None else 0,
        }
        if self.fabric.is_global_zero:
            ema = self.average.weights if self.average is not None else {}
            moments = checkpoints.optimizer_tensors(self.inner)
            state = self.unwrapped.state_dict()
            saved = Checkpoint(state, progress, optimizer=moments, ema=ema, rng=rng)
            checkpoints.replace(self.out / "last.safetensors", saved)
        self.fabric.barrier()

    def _resume(self) -> None:
        saved = checkpoints.newest(self.out)
        if saved is None:
            return
        done = saved.progress
        if "tally" not in done:
            raise BundleMismatchError(
                f"{self.out} holds a run of an earlier version, which cannot go on; it can be "
                "packed, or train again with another out=DIR",
                options=["out"],
            )
        self.unwrapped.load_state_dict(dict(saved.model))
        checkpoints.restore_optimizer(self.inner, saved.optimizer)
        self.epoch, self.batch, self.best = done["epoch"], done["batch"], Best(**done["best"])
        self.validations_without_improvement = done["stale"]
        self.validations_since_cut, self.plateau = done["flat"], done["plateau"]
        self.guard.scale, self.guard.in_a_row, self.guard.bad = done["guard"]
        self.guard.keep()
        self.stats = EpochStats(**done["tally"])
        if self.scaler is not None and done["scaler"]:
            self.scaler.load_state_dict(done["scaler"])
        if self.average is not None:
            self.average.load(saved.ema, done["averaged"])
        self.noise.set_state(saved.rng["noise"])
        torch.set_rng_state(self._own(saved.rng["host"]))
        if self.fabric.device.type == "cuda" and "device" in saved.rng:
            torch.cuda.set_rng_state(self._own(saved.rng["device"]), self.fabric.device)

    def _own(self, states: Tensor) -> Tensor:
        """Return this process's generator state; with other processes than before, the first."""
        rows = states.reshape(-1, states.shape[-1])
        rank = self.fabric.global_rank
        return rows[rank if len(rows) == self.fabric.world_size else 0].clone()
