"""Can a model learn a handful of samples by heart? What cannot has a bug, whatever its data."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from edgectc.core import registry
from edgectc.core.config import dumps, from_dict
from edgectc.core.errors import ConfigError, InputError
from edgectc.core.staging import claimed, write_bytes
from edgectc.core.types import JSON
from edgectc.data.sources import Sources
from edgectc.language.lexicon import Lexicon
from edgectc.networks import torch_state
from edgectc.training.loop import devices
from edgectc.training.loop.feeding import to_device
from edgectc.training.loop.trainer import Trainer
from edgectc.training.preparing import prepare
from edgectc.training.settings import Settings, Spec
from edgectc.training.task import Batch, output_frames, token_error

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


def learn_by_heart(
    config: Mapping[str, JSON],
    out: Path,
    *,
    count: int,
    data: Path | Sources | None = None,
    lexicon: Lexicon | None = None,
    limit: int = 1000,
    device: str = "cpu",
    threads: int = 1,
    cache: Path | None = None,
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
        device: see `edgectc.training.loop.devices.fabric`.
        threads: of torch.
        cache: folder of prepared samples; None prepares them anew.

    Raises:
        ConfigError: the configuration cannot be honoured.
        InputError: fewer samples than ``count``, or targets that CTC cannot emit.
        NonFiniteError: too many steps in a row were not finite.
    """
    if count < 1 or limit < 1:
        raise ConfigError(f"expected 1 or more samples and steps, got {count} and {limit}")
    settings = from_dict(Settings, config)
    calm: dict[str, JSON] = {**config, "model": without_dropout(settings.model)}
    calm |= {"decoder": {"type": "greedy"}, "loss": {}, "ema": 0.0, "freeze": []}
    calm |= {"distillation": None}
    calm["optimizer"] = {**asdict(settings.optimizer), "weight_decay": 0.0}
    with torch_state.training(threads), claimed(out):
        settings, model, task = prepare(calm, data=data, lexicon=lexicon, cache=cache)
        rows = task.order(np.random.default_rng(settings.seed))[:count]
        if len(rows) < count:
            raise InputError(f"{len(rows)} samples, expected {count} or more", reason="no_data")
        trainer = Trainer(settings, model, task, out, devices.fabric(device, settings.precision))
        batch = task.train.batch(rows)
        began, error, step = time.perf_counter(), 1.0, 0
        while error > TARGET and step < limit:
            trainer.train_mode()
            for _ in range(min(_EVERY, limit - step)):
                rate = settings.optimizer.lr * min(1.0, (step + 1) / _WARM)
                trainer.take_step(batch, rows, rate * trainer.guard.scale)
                step += 1
            error = _error(trainer, batch)
    result = Overfitted(
        reached=error <= TARGET,
        token_error=round(error, 5),
        steps=step,
        seconds=round(time.perf_counter() - began, 1),
        samples=tuple(task.train.name(row) for row in rows),
    )
    write_bytes(out / "overfit.json", dumps(result).encode())
    return result


def without_dropout(spec: Spec) -> dict[str, JSON]:
    """Return a model spec that drops nothing while training."""
    found = {}
    for part, kind in registry.MODEL_PARTS:
        if part in spec:
            options = registry.complete(kind, spec[part])
            found[part] = {k: 0.0 if "dropout" in k else v for k, v in options.items()}
    return {**spec, **found}


def _error(trainer: Trainer, batch: Batch) -> float:
    """Return the token error rate of a batch, in evaluation mode."""
    model = trainer.unwrapped.eval()
    with torch.inference_mode():
        out = model(**to_device(batch, trainer.fabric.device)).float().cpu().numpy()
    frames = output_frames(model, batch.inputs["length"].numpy())
    answers = [answer[:n] for answer, n in zip(out, frames, strict=True)]
    return token_error(batch.labels, answers, trainer.task.blank_id)
