"""Activation statistics of the float network: their ranges, and the first bad number.

Padding frames are excluded from every statistic: they are arbitrary, and nothing depends on them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypedDict

import numpy as np
import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.hooks import RemovableHandle

from edgectc.core.console import progress
from edgectc.core.types import Array
from edgectc.exporting.byo.adapter import Adapter
from edgectc.exporting.byo.caches import Step
from edgectc.exporting.byo.tracing_modes import (
    Arguments,
    Named,
    Result,
    Types,
)
from edgectc.exporting.lowering import calibration
from edgectc.exporting.lowering.calibration import Histogram, Range
from edgectc.exporting.lowering.quantization_plan import ActivationStatistics, Operator
from edgectc.exporting.origin import Network
from edgectc.networks.chunked import ChunkedModel

_BATCH = 32  # samples at once; of a network made elsewhere one, for which it is adapted
STEPS = (Step, ChunkedModel)  # of one chunk, all frames of which are valid
Inputs = Mapping[str, Array]


class Ranges(TypedDict):
    """Ranges of activations by operator, as a `Plan` takes them."""

    inputs: dict[str, Range]
    outputs: dict[str, Range]
    rectified: dict[str, Range]


def batches(model: nn.Module, samples: Sequence[Inputs]) -> Iterator[dict[str, Tensor]]:
    """Yield the samples, each a batch of one, in batches that a network takes."""
    size = 1 if isinstance(model, (Adapter, *STEPS)) else _BATCH
    for start in range(0, len(samples), size):
        part = samples[start : start + size]
        yield {k: torch.from_numpy(np.concatenate([s[k] for s in part])) for k in part[0]}


@torch.no_grad()
def histograms(
    model: Network, operators: Sequence[Operator], samples: Sequence[Inputs]
) -> dict[str, ActivationStatistics]:
    """Return what the operators of a network take and give on valid frames.

    Raises:
        NonFiniteError: an activation is NaN or Inf.
    """
    statistics = {op.name: ActivationStatistics(Histogram(), Histogram()) for op in operators}
    for update in (Histogram.widen, Histogram.add):
        with _watched(model, statistics, update):
            for inputs in progress(list(batches(model, samples)), f"ranges ({update.__name__})"):
                model(**inputs)
    return statistics


@contextmanager
def _watched(
    model: Network,
    statistics: Mapping[str, ActivationStatistics],
    update: Callable[[Histogram, Array], None],
) -> Iterator[None]:
    lengths: list[list[int]] = []
    modules = dict(model.named_modules())

    def entering(module: nn.Module, args: Arguments, kwargs: Named) -> None:
        lengths[:] = [kwargs["length"].tolist()]

    def hook(name: str) -> Callable[..., None]:
        def leaving(module: nn.Module, args: Arguments, out: Result) -> None:
            last = isinstance(module, nn.Conv1d)
            for side, tensor in ((statistics[name].input, args[0]), (statistics[name].output, out)):
                tensor = tensor[0] if isinstance(tensor, tuple) else tensor
                valid = _valid(model, tensor, lengths[0], frames_last=last)
                update(side, valid.float().numpy())  # bfloat16, of autocast, has no kind in NumPy

        return leaving

    handles = [model.register_forward_pre_hook(entering, with_kwargs=True)]
    handles += [modules[name].register_forward_hook(hook(name)) for name in statistics]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _valid(model: Network, tensor: Tensor, lengths: Sequence[int], *, frames_last: bool) -> Tensor:
    """Return the values of the valid frames of (N, C, T) or (N, T, C), flat."""
    if tensor.dim() != 3 or len(tensor) != len(lengths) or isinstance(model, STEPS):
        return tensor.flatten()  # pooled over frames, which the network masks itself, or a chunk
    if frames_last:
        tensor = tensor.transpose(1, 2)
    rows = [
        one[: valid_frames(model, length, tensor.shape[1])].flatten()
        for one, length in zip(tensor, lengths, strict=True)
    ]
    return torch.cat(rows)


def valid_frames(model: Network, length: int, frames: int) -> int:
    """Return how many of a layer's ``frames`` hold something for ``length`` input frames."""
    most = model.frontend.max_frames
    if frames == model.output_length(most):
        return int(model.output_length(length))
    return -(-length * frames // most)


def ranges(statistics: Mapping[str, ActivationStatistics], calibrator: str) -> Ranges:
    """Return ``inputs``, ``outputs`` and ``rectified`` of a `Plan`."""
    range_of = calibration.calibrator(calibrator)
    return {
        "inputs": {name: range_of(seen.input) for name, seen in statistics.items()},
        "outputs": {name: range_of(seen.output) for name, seen in statistics.items()},
        "rectified": {name: range_of(seen.output.rectified()) for name, seen in statistics.items()},
    }


class NonFiniteWatch(TorchDispatchMode):
    """Sees every tensor that is computed: the first that is not finite, and the largest of each.

    In a network that was made elsewhere -Inf is no fault by itself: it masks attention there.

    Attributes:
        first: "operator in module" of the first NaN or Inf; "" if there was none.
        largest: largest magnitude by "operator in module".
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.first = ""
        self._masks = isinstance(model, (Adapter, Step))
        self.largest: dict[str, float] = {}
        self._inside: list[str] = []
        self._handles: list[RemovableHandle] = []
        for name, module in model.named_modules():
            enter = self._entering(name)
            self._handles.append(module.register_forward_pre_hook(enter))
            self._handles.append(module.register_forward_hook(self._leaving, always_call=True))

    def _entering(self, name: str) -> Callable[..., None]:
        return lambda module, args: self._inside.append(name)

    def _leaving(self, module: nn.Module, args: Arguments, out: Result) -> None:
        self._inside.pop()

    def close(self) -> None:
        """Take the hooks off the network."""
        for handle in self._handles:
            handle.remove()

    def __torch_dispatch__(
        self, func: OpOverload, types: Types, args: Arguments = (), kwargs: Named | None = None
    ) -> Result:
        out = func(*args, **(kwargs or {}))
        for tensor in out if isinstance(out, (tuple, list)) else [out]:
            if isinstance(tensor, Tensor) and tensor.is_floating_point() and tensor.numel():
                values = tensor
                if self._masks:
                    values = torch.where(tensor == -torch.inf, torch.zeros_like(tensor), tensor)
                top = float(values.abs().max())
                inside = self._inside[-1] if self._inside else ""
                where = f"{func.overloadpacket.__name__} in {inside or 'the network'}"
                # NaN never compares as larger, so it is looked at by itself.
                if not np.isfinite(top):
                    self.first = self.first or where
                elif top > self.largest.get(where, 0.0):
                    self.largest[where] = top
        return out


@torch.no_grad()
def check_activations(
    model: nn.Module, samples: Sequence[Inputs], names: Sequence[str]
) -> tuple[dict[str, str], dict[str, float]]:
    """Run the samples one batch at a time and look at every activation.

    Returns:
        The first bad operator of each sample that has one, by its name, and the largest magnitude
        of every operator's output.
    """
    watch, bad = NonFiniteWatch(model), dict[str, str]()
    try:
        start = 0
        for inputs in progress(list(batches(model, samples)), "activations"):
            count = len(inputs["length"])
            with watch:
                model(**inputs)
            if watch.first:  # which samples of the batch, and where in each
                for row in range(start, start + count):
                    watch.first = ""
                    with watch:
                        model(**next(batches(model, [samples[row]])))
                    if watch.first:
                        bad[names[row]] = watch.first
                watch.first = ""
            start += count
    finally:
        watch.close()
    return bad, watch.largest
