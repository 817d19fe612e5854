"""Can a model learn a handful of samples by heart? What cannot has a bug, whatever its data."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from edgectc.core import registry
from edgectc.core.config import dumps, from_dict
from edgectc.core.errors import ConfigError, InputError
from edgectc.core.staging import claimed, write_bytes
from edgectc.core.types import JSON, Array
from edgectc.data.sources import Sources
from edgectc.language.lexicon import Lexicon
from edgectc.networks import torch_state
from edgectc.training.loop import devices
from edgectc.training.loop.feeding import to_device
from edgectc.training.loop.schedules import learning_rate
from edgectc.training.loop.trainer import Trainer
from edgectc.training.preparing import prepare
from edgectc.training.settings import Settings, Spec
from edgectc.training.task import Batch, greedy_ids, output_frames, token_error

TARGET = 0.01
_EVERY = 20  # steps between looks
_WARM = 20  # steps to the full learning rate


@dataclass(frozen=True)
class Overfitted:
    """What came of it.

    Curve and predictions tell what the last figure hides: whether the loss fell, with which rate
    and gradients, and what the model says instead.

    Attributes:
        reached: whether the token error rate fell to 1 % or less.
        token_error: the last one, of best paths, as the model answers when it is used.
        steps: optimizer steps taken.
        seconds: they took.
        samples: their names.
        curve: of each look, every twenty steps: ``step``, ``loss``, ``token_error``, ``lr`` and
            ``grad_norm`` (the largest since the last look; None where no step was taken).
        predictions: of each sample ``name``, ``target`` and what the model ``said`` at the end.
    """

    reached: bool
    token_error: float
    steps: int
    seconds: float
    samples: tuple[str, ...]
    curve: tuple[Mapping[str, JSON], ...] = ()
    predictions: tuple[Mapping[str, JSON], ...] = ()


def learn_by_heart(
    config: Mapping[str, JSON],
    out: Path,
    *,
    count: int,
    as_configured: bool = False,
    data: Path | Sources | None = None,
    lexicon: Lexicon | None = None,
    limit: int = 1000,
    device: str = "cpu",
    threads: int = 1,
    cache: Path | None = None,
) -> Overfitted:
    """Learn ``count`` samples by heart, without augmentation; write ``overfit.json``.

    Every step sees all of the samples, and is an epoch. Without ``as_configured`` nothing is in the
    way: no dropout, weight decay, smoothing or freezing, and the rate is ``optimizer.lr`` after a
    short warm-up.

    Args:
        config: see `edgectc.training.settings.Settings`.
        out: folder of the report.
        count: samples, the first of the first epoch.
        as_configured: keep dropout, weight decay, loss, freezing, warm-up and schedule as the
            settings have them; of so many steps as ``limit`` says.
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
    calm: dict[str, JSON] = {**config, "decoder": {"type": "greedy"}, "ema": 0.0}
    calm |= {"distillation": None}
    if not as_configured:
        calm |= {"model": without_dropout(settings.model), "loss": {}, "freeze": []}
        calm["optimizer"] = {**asdict(settings.optimizer), "weight_decay": 0.0}
    with torch_state.training(threads), claimed(out):
        settings, model, task = prepare(calm, data=data, lexicon=lexicon, cache=cache)
        rows = task.order(np.random.default_rng(settings.seed))[:count]
        if len(rows) < count:
            raise InputError(f"{len(rows)} samples, expected {count} or more", reason="no_data")
        trainer = Trainer(settings, model, task, out, devices.fabric(device, settings.precision))
        batch = task.train.batch(rows)
        began, error, step = time.perf_counter(), 1.0, 0
        curve = list[dict[str, JSON]]()
        while error > TARGET and step < limit:
            norms, rate = list[float](), 0.0
            for _ in range(min(_EVERY, limit - step)):
                trainer.epoch = step if as_configured else 0
                trainer.train_mode()
                rate = _rate(settings, step, limit, as_configured) * trainer.guard.scale
                norm = trainer.take_step(batch, rows, rate)
                norms += [] if norm is None else [norm]
                step += 1
            answers = _answers(trainer, batch)
            error = token_error(batch.labels, answers, task.blank_id)
            curve.append(_look(step, trainer.last_loss, error, rate, norms))
    result = Overfitted(
        reached=error <= TARGET,
        token_error=round(error, 5),
        steps=step,
        seconds=round(time.perf_counter() - began, 1),
        samples=tuple(task.train.name(row) for row in rows),
        curve=tuple(curve),
        predictions=tuple(
            {
                "name": task.train.name(row),
                "target": _shown(trainer, label),
                "said": _shown(trainer, greedy_ids(answer, task.blank_id)),
            }
            for row, label, answer in zip(rows, batch.labels, answers, strict=True)
        ),
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


def _rate(settings: Settings, step: int, limit: int, as_configured: bool) -> float:
    """Return the learning rate of a step, counted from 0."""
    if as_configured:
        return learning_rate(step, limit, settings.optimizer, settings.schedule)
    return settings.optimizer.lr * min(1.0, (step + 1) / _WARM)


def _look(
    step: int, loss: float, error: float, rate: float, norms: Sequence[float]
) -> dict[str, JSON]:
    return {
        "step": step,
        "loss": round(loss, 6) if math.isfinite(loss) else None,
        "token_error": round(error, 5),
        "lr": rate,
        "grad_norm": round(max(norms), 4) if norms else None,
    }


def _shown(trainer: Trainer, ids: Sequence[int]) -> str:
    """Return token ids as symbols; as keys, by number, of a network that takes any keyboard."""
    frontend = trainer.unwrapped.frontend
    if frontend.slots:
        return " ".join(map(str, ids))
    symbols = frontend.tokens().symbols
    return " ".join(symbols[i] for i in ids)


def _answers(trainer: Trainer, batch: Batch) -> list[Array]:
    """Return log_probs (T', V) of the valid frames of each sample, in evaluation mode."""
    model = trainer.unwrapped.eval()
    with torch.inference_mode():
        out = model(**to_device(batch, trainer.fabric.device)).float().cpu().numpy()
    frames = output_frames(model, batch.inputs["length"].numpy())
    return [answer[:n] for answer, n in zip(out, frames, strict=True)]
