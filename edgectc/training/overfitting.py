"""Can a model learn a handful of samples by heart? What cannot has a bug, whatever its data."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from edgectc import registry
from edgectc.config import dumps, from_dict
from edgectc.data.lexicons import Lexicon
from edgectc.errors import ConfigError, InputError
from edgectc.files import write_bytes
from edgectc.model import PARTS, CtcModel
from edgectc.tasks._base import token_error
from edgectc.training.settings import Settings
from edgectc.training.trainer import Loop, prepare

TARGET = 0.01
_EVERY = 20  # steps between looks
_WARM = 20  # steps to the full learning rate


@dataclass(frozen=True)
class Overfitted:
    """What came of it.

    Attributes:
        reached: whether the token error rate fell to 1 % or less.
        token_error: the last one, of best paths, as the model answers when it is used.
        steps: optimizer steps taken.
        seconds: they took.
        samples: their names.
    """

    reached: bool
    token_error: float
    steps: int
    seconds: float
    samples: tuple[str, ...]


def overfit(
    config: Mapping[str, Any],
    out: Path,
    *,
    count: int,
    data: Path | None = None,
    lexicon: Lexicon | None = None,
    limit: int = 1000,
    threads: int = 1,
) -> Overfitted:
    """Learn ``count`` samples by heart, without augmentation and dropout; write ``overfit.json``.

    Every step sees all of the samples; the rate is ``optimizer.lr`` after a short warm-up.

    Args:
        config: see `edgectc.training.settings.Settings`.
        out: folder of the report.
        count: samples, the first of the first epoch.
        data: the user's samples; None generates them.
        lexicon: words to generate swipes of.
        limit: most steps.
        threads: of torch.

    Raises:
        ConfigError: the configuration cannot be honoured.
        InputError: fewer samples than ``count``, or targets that CTC cannot emit.
        NonFiniteError: too many steps in a row were not finite.
    """
    if count < 1 or limit < 1:
        raise ConfigError(f"expected 1 or more samples and steps, got {count} and {limit}")
    settings = from_dict(Settings, config)
    spec = without_dropout(settings.model)
    settings = replace(settings, model=spec, decoder={"type": "greedy"}).completed()
    torch.set_num_threads(threads)
    torch.manual_seed(settings.seed)
    model = CtcModel(settings.model)
    task = prepare(settings, model, data, lexicon)
    rows = task.order(np.random.default_rng(settings.seed))[:count]
    if len(rows) < count:
        raise InputError(f"{len(rows)} samples, expected {count} or more", reason="no_data")
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.0)
    loop = Loop(settings, model, optimizer, task)
    began, error, step = time.perf_counter(), 1.0, 0
    while error > TARGET and step < limit:
        model.train()
        loop.guard.begin()
        for _ in range(min(_EVERY, limit - step)):
            loop.step(rows, settings.optimizer.lr * min(1.0, (step + 1) / _WARM), None)
            step += 1
        loop.guard.settle()
        error = _error(loop, rows)
    result = Overfitted(
        reached=error <= TARGET,
        token_error=round(error, 5),
        steps=step,
        seconds=round(time.perf_counter() - began, 1),
        samples=tuple(task.train.name(row) for row in rows),
    )
    write_bytes(out / "overfit.json", dumps(result).encode())
    return result


def without_dropout(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return a model spec that drops nothing while training."""
    found = {}
    for part, kind in PARTS:
        if part in spec:
            options = registry.complete(kind, spec[part])
            found[part] = {k: 0.0 if "dropout" in k else v for k, v in options.items()}
    return {**spec, **found}


def _error(loop: Loop, rows: Any) -> float:
    """Return the token error rate of ``rows``, in evaluation mode."""
    model, samples = loop.model.eval(), loop.task.train
    batch = samples.batch(rows)
    with torch.inference_mode():
        out = model(**batch.inputs)
    lengths = [model.output_length(int(n)) for n in batch.inputs["length"]]
    answers = [row[:n].numpy() for row, n in zip(out, lengths, strict=True)]
    return token_error(batch.labels, answers, loop.task.blank_id)
