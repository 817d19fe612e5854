"""The figures of a run: ``metrics.jsonl``, one line an epoch, and TensorBoard where installed."""

from __future__ import annotations

import importlib.util
import json
import resource
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from edgectc.core.messages import say
from edgectc.core.staging import write_bytes
from edgectc.core.types import JSON
from edgectc.training.log import curves

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


_AVERAGED = 5  # validations


@dataclass
class EpochStats:
    """What happened in an epoch so far; plain numbers, kept in checkpoints."""

    loss: float = 0.0
    good: int = 0
    bad: int = 0
    norms: list[float] = field(default_factory=list)
    samples: int = 0
    frames: int = 0
    notes: list[str] = field(default_factory=list)

    def add(self, loss: float, norm: float) -> None:
        """Count a step that was taken."""
        self.good += 1
        self.loss += loss
        self.norms.append(norm)

    def refused(self, what: str) -> None:
        """Count a step that was not taken; the first few are told."""
        self.bad += 1
        if len(self.notes) < 3:
            self.notes.append(what)

    def seen(self, samples: int, frames: int) -> None:
        """Count what a step was given."""
        self.samples += samples
        self.frames += frames

    @property
    def mean_loss(self) -> float | None:
        """Mean loss of the steps that were taken; None if none was, never zero."""
        return self.loss / self.good if self.good else None

    def figures(self) -> dict[str, JSON]:
        """Return the epoch's figures."""
        mean = self.mean_loss
        return {
            "loss": None if mean is None else round(mean, 5),
            "grad_norm": _quantiles(self.norms),
            "bad_share": round(self.bad / max(1, self.good + self.bad), 5),
            "skipped": self.bad,
            "mean_length": round(self.frames / max(1, self.samples), 2),
            **({"bad_steps": self.notes} if self.notes else {}),
        }

    def warning(self, limit: float) -> str:
        """Return what to say of gradients whose median norm is above ``limit``; "" for nothing."""
        middle = float(np.median(self.norms)) if self.norms else 0.0
        if middle <= limit:
            return ""
        return (
            f"the median norm of the gradients is {middle:.3g}, above optimizer.warn_norm="
            f"{limit:g}: lower optimizer.lr, or lengthen optimizer.warmup"
        )

    def state(self) -> dict[str, JSON]:
        """Return plain values for a checkpoint; ``EpochStats(**values)`` is the inverse."""
        return asdict(self)


def _quantiles(values: list[float]) -> list[float] | None:
    """Return the least, the quartiles and the greatest."""
    return np.quantile(values, [0, 0.25, 0.5, 0.75, 1]).round(5).tolist() if values else None


class Records:
    """Where figures go. ``done`` epochs are kept of an earlier log; later ones come again.

    Beside the figure ``metric`` stands the mean of its last five validations,
    ``metric_average``, to look at; it decides nothing.
    """

    def __init__(self, out: Path, *, done: float, step: int, metric: str = "") -> None:
        self._log, self._metric, self._values = out / "metrics.jsonl", metric, list[float]()
        if self._log.exists():
            lines = self._log.read_text(encoding="utf-8").splitlines(keepends=True)
            kept = [line for line in lines if _epoch(line) <= done]
            write_bytes(self._log, "".join(kept).encode())
            found = [json.loads(line).get(metric) for line in kept]
            self._values = [value for value in found if isinstance(value, (int, float))]
        self._board: SummaryWriter | None = None
        if importlib.util.find_spec("tensorboard") is not None and _is_text(str(out)):
            from torch.utils.tensorboard import SummaryWriter

            self._board = SummaryWriter(str(out / "tensorboard"), purge_step=step)

    def step(self, step: int, **figures: float) -> None:
        """Record figures of a step (TensorBoard alone)."""
        if self._board is not None:
            for name, value in figures.items():
                self._board.add_scalar(f"step/{name}", value, step)

    def epoch(self, step: int, figures: Mapping[str, JSON], norms: Sequence[float]) -> None:
        """Record the figures of an epoch, and all its gradient norms as a histogram."""
        value = figures.get(self._metric)
        if isinstance(value, (int, float)):
            self._values.append(value)
            mean = float(np.mean(self._values[-_AVERAGED:]))
            figures = {**figures, f"{self._metric}_average": round(mean, 5)}
        with self._log.open("a", encoding="utf-8") as log:
            text = json.dumps(figures, sort_keys=True, ensure_ascii=False, allow_nan=False)
            log.write(text + "\n")
        if self._board is not None:
            if norms:
                self._board.add_histogram("epoch/grad_norm", np.array(norms), step)
            for name, value in figures.items():
                if isinstance(value, (int, float)):
                    self._board.add_scalar(f"epoch/{name}", value, step)
            examples = figures.get("examples")
            for pair in examples if isinstance(examples, list) else ():
                self._board.add_text("examples", " -> ".join(pair), step)

    def plot(self, metric: str) -> None:
        """Draw the curves of the log so far; see `edgectc.training.log.curves`."""
        lines = self._log.read_text(encoding="utf-8").splitlines()
        curves.write(self._log.with_name("curves.svg"), [json.loads(one) for one in lines], metric)

    def close(self) -> None:
        """Write what is still in memory."""
        if self._board is not None:
            self._board.close()


def memory_mb(device: torch.device) -> float:
    """Return the most memory held so far, in megabytes: of the device, or of this process."""
    if device.type == "cuda":
        return round(torch.cuda.max_memory_allocated(device) / 1e6, 1)
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1)


def _is_text(path: str) -> bool:
    """Tell whether TensorBoard can write to a path: it takes UTF-8 alone."""
    try:
        path.encode()
    except UnicodeEncodeError:
        say(f"edgectc: no TensorBoard: the name of {path!r} is no UTF-8")
        return False
    return True


def _epoch(line: str) -> float:
    """Return the epoch of a log line; a line cut short belongs to none that is kept."""
    try:
        return float(json.loads(line)["epoch"])
    except (ValueError, KeyError, TypeError):
        return float("inf")
