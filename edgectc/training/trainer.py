"""Trains a CTC model on swipes: one readable loop, resumable at every checkpoint.

Each epoch draws its order, augmentation and dropout from (seed, epoch) alone, so a run that is
resumed from a checkpoint continues with the very numbers of a run that was never stopped.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from edgectc import registry
from edgectc.config import dumps, from_dict, to_dict
from edgectc.data import jsonl, layouts
from edgectc.data.lexicons import Lexicon, letters
from edgectc.errors import BundleMismatchError, InputError
from edgectc.evaluation import word_hash
from edgectc.files import write_bytes
from edgectc.model import CtcModel
from edgectc.report import progress
from edgectc.tokens import output_length
from edgectc.training import checkpoints
from edgectc.training.guards import StepGuard
from edgectc.training.settings import Optimizer, Settings
from edgectc.training.swipes import SwipeArrays, augmented, generate, joined, to_arrays
from edgectc.types import Swipe


@dataclass(frozen=True)
class Result:
    """Where a run left its best weights, and how good they were on the dev users."""

    checkpoint: Path
    epoch: int
    top1: float


def train(
    config: Mapping[str, Any], out: Path, *, data: Path, lexicon: Lexicon, threads: int = 1
) -> Result:
    """Train to the last epoch, continuing from ``out/last.safetensors`` if it is there.

    Writes ``config.json``, ``metrics.jsonl``, ``last.safetensors`` and ``best.safetensors`` (by
    top-1 of the lexicon decoder on dev users) to ``out``.

    Raises:
        ConfigError: the configuration cannot be honoured.
        InputError: no usable samples.
        BundleMismatchError: ``out`` holds a run of another configuration.
        NonFiniteError: too many steps in a row were not finite.
    """
    settings = from_dict(Settings, config)
    torch.set_num_threads(threads)
    torch.manual_seed(settings.seed)
    model = CtcModel(settings.model)
    samples, real, dev, words = _load(settings, model, data, lexicon)
    if not real or not dev:
        raise InputError(
            f"{data}: {real} training and {len(dev)} dev swipes after checks; "
            "swipes need a word and a user (see `edgectc train --help`)",
            reason="no_data",
        )
    _claim(out, settings)
    write_bytes(out / "seen_words.bin", np.unique(np.array(words, "<u4")).tobytes())
    optimizer = torch.optim.AdamW(
        model.parameters(),
        lr=settings.optimizer.lr,
        weight_decay=settings.optimizer.weight_decay,
    )
    start, best = _resume(out, model, optimizer)
    run = _Run(settings, model, optimizer, samples, real)
    validator = _Validator(settings, model, dev, lexicon)
    for epoch in progress(range(start, settings.epochs), "epoch", total=settings.epochs - start):
        began = time.perf_counter()
        figures = run.epoch(epoch)
        done = epoch + 1
        if done % settings.validate_every == 0 or done == settings.epochs:
            figures |= validator()
            better = figures["dev_top1"] > best[1]
            best = (done, figures["dev_top1"]) if better else best
            state = {"epoch": done, "best": best}
            checkpoints.write(out / "last.safetensors", model, optimizer, state)
            if better:
                checkpoints.write(out / "best.safetensors", model, optimizer, state)
        figures |= {"epoch": done, "seconds": round(time.perf_counter() - began, 1)}
        with (out / "metrics.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(figures, sort_keys=True) + "\n")
    return Result(out / "best.safetensors", *best)


def learning_rate(step: int, total: int, how: Optimizer) -> float:
    """Return the rate of step ``step`` of ``total``: linear warm-up, then a cosine to zero."""
    warm = max(1, round(how.warmup * total))
    if step < warm:
        return how.lr * (step + 1) / warm
    return how.lr * 0.5 * (1.0 + math.cos(math.pi * (step - warm) / max(1, total - warm)))


def _claim(out: Path, settings: Settings) -> None:
    """Make ``out`` this configuration's folder, or refuse to mix two runs in one."""
    text = dumps(to_dict(settings))
    path = out / "config.json"
    if path.exists() and path.read_text(encoding="utf-8") != text:
        raise BundleMismatchError(
            f"{out} holds a run with another configuration; choose another --out or remove it"
        )
    write_bytes(path, text.encode())


def _resume(
    out: Path, model: CtcModel, optimizer: torch.optim.Optimizer
) -> tuple[int, tuple[int, float]]:
    """Restore the last checkpoint, if any; return epochs done, and the best epoch and top-1."""
    path, log = out / "last.safetensors", out / "metrics.jsonl"
    done, best = 0, (0, -1.0)
    if path.exists():
        saved = checkpoints.read(path)
        checkpoints.restore(saved, model, optimizer)
        done, best = saved.progress["epoch"], tuple(saved.progress["best"])
    if log.exists():  # epochs after the checkpoint are trained again and will be logged again
        lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
        write_bytes(log, "".join(lines[:done]).encode())
    return done, best


def _load(
    settings: Settings, model: CtcModel, data: Path, lexicon: Lexicon
) -> tuple[SwipeArrays, int, list[Swipe], list[int]]:
    """Return training samples (real first), how many are real, dev swipes, and word hashes."""
    how = settings.data
    train_swipes, dropped = jsonl.load(data, split="train")
    dev, _ = jsonl.load(data, split="dev")
    arrays = to_arrays(train_swipes, model.frontend, model.stride)
    real = len(arrays)
    left_out = dict(dropped + arrays.dropped) or "none"
    print(f"training swipes: {real}; dropped: {left_out}", file=sys.stderr)
    if how.synthetic > 0:
        made = generate(
            lexicon,
            how.synthetic_layouts,
            count=how.synthetic_pool,
            words=how.synthetic_words,
            seed=settings.seed,
        )
        arrays = joined(arrays, to_arrays(list(made), model.frontend, model.stride))
    dev = [s for s in dev if s.word]
    chosen = np.random.default_rng(0).permutation(len(dev))[: settings.validation_rows]
    words = [word_hash(s.word) for s in train_swipes if s.word]
    return arrays, real, [dev[i] for i in sorted(chosen)], words


class _Run:
    """One training run's moving parts."""

    def __init__(
        self,
        settings: Settings,
        model: CtcModel,
        optimizer: torch.optim.Optimizer,
        samples: SwipeArrays,
        real: int,
    ) -> None:
        self.settings, self.model, self.optimizer = settings, model, optimizer
        self.samples, self.real = samples, real
        self.made = min(len(samples) - real, int(real * settings.data.synthetic))
        self.steps = -(-(self.real + self.made) // settings.batch_size)
        self.guard = StepGuard(model, clip=settings.optimizer.clip, limit=settings.bad_steps)

    def epoch(self, epoch: int) -> dict[str, Any]:
        """Train one epoch and return its figures."""
        seed = self.settings.seed * 100_003 + epoch
        torch.manual_seed(seed)
        noise = torch.Generator().manual_seed(seed)
        rng = np.random.default_rng(seed)
        made = rng.choice(len(self.samples) - self.real, self.made, replace=False) + self.real
        order = rng.permutation(np.concatenate([np.arange(self.real), made]))
        self.model.train()
        total = 0.0
        size = self.settings.batch_size
        for i in range(self.steps):
            step = epoch * self.steps + i
            rate = learning_rate(step, self.settings.epochs * self.steps, self.settings.optimizer)
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            total += self._step(order[i * size : (i + 1) * size], noise)
        return {"loss": round(total / self.steps, 5), "lr": rate, "skipped": self.guard.skipped}

    def _step(self, rows: Any, noise: torch.Generator) -> float:
        inputs, targets, target_lengths = self.samples.batch(rows)
        inputs = augmented(inputs, self.settings.augment, noise)
        log_probs = self.model(**inputs)
        frames = torch.div(
            inputs["length"].long() + self.model.stride - 1,
            self.model.stride,
            rounding_mode="floor",
        )
        loss = F.ctc_loss(
            log_probs.transpose(0, 1),
            targets,
            frames,
            target_lengths,
            blank=self.samples.keys.shape[1],
        )
        self.optimizer.zero_grad()
        loss.backward()
        if self.guard.allows(loss, rows):
            self.optimizer.step()
            return float(loss.detach())
        return 0.0


class _Validator:
    """Top-1 of dev swipes, greedy and with the lexicon."""

    def __init__(
        self, settings: Settings, model: CtcModel, dev: list[Swipe], lexicon: Lexicon
    ) -> None:
        self.model, self.dev, self.layout = model, dev, layouts.load(settings.data.layout)
        tokens = model.frontend.tokens(self.layout)
        self.greedy = registry.create("decoders", {"type": "greedy"}, tokens=tokens)
        self.decode = registry.create(
            "decoders", dict(settings.decoder), tokens=tokens, lexicon=lexicon
        )

    def __call__(self) -> dict[str, Any]:
        self.model.eval()
        hits = np.zeros(2)
        for sample in self.dev:
            inputs = self.model.frontend.prepare(sample.points, self.layout)
            with torch.inference_mode():
                out = self.model(**{k: torch.from_numpy(v) for k, v in inputs.items()})[0]
            frames = output_length(int(inputs["length"][0]), self.model.stride)
            log_probs = out[:frames].double().log_softmax(-1).numpy()
            word = letters(sample.word or "")
            for i, decoder in enumerate((self.greedy, self.decode)):
                hits[i] += letters(decoder(log_probs, nbest=1).best.text) == word
        greedy, lexicon = (hits / len(self.dev)).round(5)
        return {"dev_greedy_top1": float(greedy), "dev_top1": float(lexicon)}
