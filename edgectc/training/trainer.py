"""Trains a CTC model for any task: one readable loop, resumable at every checkpoint.

Each epoch draws its order, augmentation and dropout from (seed, epoch) alone, so a run that is
resumed from a checkpoint continues with the very numbers of a run that was never stopped.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from edgectc import registry
from edgectc.config import dumps, from_dict, to_dict
from edgectc.data.lexicons import Lexicon
from edgectc.errors import BundleMismatchError
from edgectc.files import write_bytes
from edgectc.model import CtcModel
from edgectc.report import progress
from edgectc.tasks._base import Run, Task, check_feasible
from edgectc.training import checkpoints
from edgectc.training.guards import StepGuard
from edgectc.training.settings import Optimizer, Settings
from edgectc.types import Array


@dataclass(frozen=True)
class Result:
    """Where a run left its best weights, and how good they were on dev samples.

    Attributes:
        checkpoint: file of the best weights.
        epoch: after which they were found; 0 if no validation was finite.
        metric: name of the figure, e.g. ``dev_top1``.
        value: of the figure; None if no validation was finite.
    """

    checkpoint: Path
    epoch: int
    metric: str
    value: float | None


def train(
    config: Mapping[str, Any],
    out: Path,
    *,
    data: Path | None,
    lexicon: Lexicon | None = None,
    threads: int = 1,
) -> Result:
    """Train to the last epoch, continuing from ``out/last.safetensors`` if it is there.

    Writes ``config.json``, ``metrics.jsonl``, ``last.safetensors`` and ``best.safetensors`` (by
    the task's metric) to ``out``.

    Args:
        config: see `edgectc.training.settings.Settings`.
        out: folder of the run.
        data: the user's samples; None generates them.
        lexicon: words for the decoder.
        threads: of torch.

    Raises:
        ConfigError: the configuration cannot be honoured.
        InputError: no usable samples, or targets that CTC cannot emit.
        BundleMismatchError: ``out`` holds a run of another configuration.
        NonFiniteError: too many steps in a row were not finite.
    """
    settings = from_dict(Settings, config).completed()
    torch.set_num_threads(threads)
    torch.manual_seed(settings.seed)
    model = CtcModel(settings.model)
    task = prepare(settings, model, data, lexicon)
    _claim(out, settings)
    for name, content in task.files.items():
        write_bytes(out / name, content)
    optimizer = torch.optim.AdamW(
        model.parameters(),
        lr=settings.optimizer.lr,
        weight_decay=settings.optimizer.weight_decay,
    )
    saved = _resume(out, model, optimizer)
    loop = Loop(settings, model, optimizer, task)
    loop.guard.scale = saved.get("lr_scale", 1.0)
    start, best = saved["epoch"], tuple(saved["best"])
    for epoch in progress(range(start, settings.epochs), "epoch", total=settings.epochs - start):
        began = time.perf_counter()
        figures = loop.epoch(epoch)
        done = epoch + 1
        if done % settings.validate_every == 0 or done == settings.epochs:
            loop.guard.settle()
            figures |= validate(model, task)
            value = figures[task.metric.name]
            better = task.metric.better(value, best[1])
            best = (done, value) if better else best
            state = {"epoch": done, "best": best}
            if loop.guard.scale != 1.0:
                state["lr_scale"] = loop.guard.scale
            checkpoints.write(out / "last.safetensors", model, optimizer, state)
            if better:
                checkpoints.write(out / "best.safetensors", model, optimizer, state)
        figures |= {"epoch": done, "seconds": round(time.perf_counter() - began, 1)}
        with (out / "metrics.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(figures, sort_keys=True, allow_nan=False) + "\n")
    return Result(out / "best.safetensors", best[0], task.metric.name, best[1])


def prepare(
    settings: Settings, model: CtcModel, data: Path | None, lexicon: Lexicon | None
) -> Task:
    """Return the task of a run, all its training targets within reach of the model.

    Raises:
        ConfigError: the task's options cannot be honoured.
        InputError: no usable samples, or targets that CTC cannot emit.
    """
    run = Run(model, data, lexicon, settings.decoder, settings.seed, settings.validation_rows)
    task: Task = registry.create("tasks", settings.task_spec(), run=run)
    check_feasible(task.train, model)
    return task


def learning_rate(step: int, total: int, how: Optimizer) -> float:
    """Return the rate of step ``step`` of ``total``: linear warm-up, then a cosine to zero."""
    warm = max(1, round(how.warmup * total))
    if step < warm:
        return how.lr * (step + 1) / warm
    return how.lr * 0.5 * (1.0 + math.cos(math.pi * (step - warm) / max(1, total - warm)))


def validate(model: CtcModel, task: Task) -> dict[str, Any]:
    """Return the task's figures of dev samples; the metric is None if an answer is not finite."""
    model.eval()
    broken = 0

    def answer(inputs: Mapping[str, Array]) -> Array:
        nonlocal broken
        with torch.inference_mode():
            out = model(**{k: torch.from_numpy(v) for k, v in inputs.items()})[0]
        log_probs = out[: model.output_length(int(inputs["length"][0]))].double().log_softmax(-1)
        if torch.isfinite(log_probs).all():
            return log_probs.numpy()
        broken += 1
        return np.full(log_probs.shape, -math.log(log_probs.shape[1]))

    figures = dict(task.score(answer))
    if broken:
        return {"dev_not_finite": broken, task.metric.name: None}
    return figures


def _claim(out: Path, settings: Settings) -> None:
    """Make ``out`` this configuration's folder, or refuse to mix two runs in one."""
    text = dumps(to_dict(settings))
    path = out / "config.json"
    if path.exists() and path.read_text(encoding="utf-8") != text:
        raise BundleMismatchError(
            f"{out} holds a run with another configuration; choose another --out or remove it"
        )
    write_bytes(path, text.encode())


def _resume(out: Path, model: CtcModel, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Restore the last checkpoint, if any; return its progress."""
    path, log = out / "last.safetensors", out / "metrics.jsonl"
    found: dict[str, Any] = {"epoch": 0, "best": (0, None)}
    if path.exists():
        saved = checkpoints.read(path)
        checkpoints.restore(saved, model, optimizer)
        found = dict(saved.progress)
    if log.exists():  # epochs after the checkpoint are trained again and will be logged again
        lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
        write_bytes(log, "".join(lines[: found["epoch"]]).encode())
    return found


class Loop:
    """The steps of a run."""

    def __init__(
        self,
        settings: Settings,
        model: CtcModel,
        optimizer: torch.optim.Optimizer,
        task: Task,
    ) -> None:
        self.settings, self.model, self.optimizer, self.task = settings, model, optimizer, task
        self.steps = -(-task.epoch_rows // settings.batch_size)
        self.guard = StepGuard(
            model,
            optimizer,
            clip=settings.optimizer.clip,
            limit=settings.bad_steps,
            back_off=settings.back_off,
        )

    def epoch(self, epoch: int) -> dict[str, Any]:
        """Train one epoch and return its figures."""
        seed = self.settings.seed * 100_003 + epoch
        torch.manual_seed(seed)
        noise = torch.Generator().manual_seed(seed)
        order = self.task.order(np.random.default_rng(seed))
        self.model.train()
        self.guard.begin()
        total = 0.0
        size = self.settings.batch_size
        for i in range(self.steps):
            step = epoch * self.steps + i
            rate = learning_rate(step, self.settings.epochs * self.steps, self.settings.optimizer)
            total += self.step(order[i * size : (i + 1) * size], rate, noise)
        rate *= self.guard.scale
        return {"loss": round(total / self.steps, 5), "lr": rate, "skipped": self.guard.skipped}

    def step(self, rows: Array, rate: float, noise: torch.Generator | None) -> float:
        """Learn from ``rows`` and return their loss in nats; 0 if the guard skips the step."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate * self.guard.scale
        samples, blank = self.task.train, self.task.blank_id
        batch = samples.batch(rows, noise)
        log_probs = self.model(**batch.inputs)
        loss = batch.loss(log_probs, self.model, blank)
        self.optimizer.zero_grad()
        loss.backward()

        def culprits() -> list[str]:
            each = batch.loss(log_probs.detach(), self.model, blank, "none")
            bad = [samples.name(r) for r, x in zip(rows, each, strict=True) if not x.isfinite()]
            return bad or [samples.name(r) for r in rows]

        if self.guard.allows(loss, culprits):
            self.optimizer.step()
            return float(loss.detach())
        return 0.0
