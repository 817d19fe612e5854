"""A foreign network behind our contract: features and length in, log_probs (N, T', V) out."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from edgectc.core.errors import ConfigError, InputError
from edgectc.core.tokens import output_length
from edgectc.exporting.byo.tracing_modes import Sizes

AXES = {"NTV": (0, 1, 2), "TNV": (1, 0, 2), "NVT": (0, 2, 1)}


@dataclass(frozen=True)
class Calling:
    """How a network wants to be called, and what has to be done to its answer.

    Attributes:
        wave: it takes (N, T) and not (N, T, C).
        masks: name of its second argument where that is a mask (N, T) and not lengths (N,).
        whole: dtype of the lengths or of the mask.
        axes: axes of its answer, a key of `AXES`.
        log_softmax: whether its answer is scores that still need one.
        sizes: integers that it reads out of tensors at full length, see `tracing_modes.Sizes`.
    """

    wave: bool
    masks: str
    whole: torch.dtype
    axes: str = "NTV"
    log_softmax: bool = False
    sizes: tuple[int, ...] = ()


class Adapter(nn.Module):
    """Calls a foreign network the way it wants.

    Attributes:
        frontend, stride, window: set once they are known, as in `edgectc.networks.model.CtcModel`.
    """

    frontend: Any
    stride: int
    window: int

    def __init__(self, network: nn.Module, calling: Calling) -> None:
        super().__init__()
        self.network, self.calling = network, calling

    def output_length(self, length: int) -> int:
        """Return the valid output frames of ``length`` valid input frames."""
        return output_length(length, self.stride, self.window)

    def forward(self, *inputs: Tensor, **named: Tensor) -> Tensor:
        """Return log_probs (N, T', V).

        Args:
            inputs: (N, T, C) float32 features and (N,) int32 valid frames.
            named: the same by their names in the contract, in its order.
        """
        features, length = (*inputs, *named.values())
        if not self.calling.sizes:
            return self._answer(features, length)
        with Sizes(self.calling.sizes):
            return self._answer(features, length)

    def _answer(self, features: Tensor, length: Tensor) -> Tensor:
        out = answer(self.network, self.calling, features, length)[0]
        out = out.permute(AXES[self.calling.axes])
        return torch.log_softmax(out, dim=-1) if self.calling.log_softmax else out


def answer(
    network: nn.Module, calling: Calling, features: Tensor, length: Tensor
) -> tuple[Tensor, Tensor | None]:
    """Return what a network answers as it stands, and the output lengths if it tells them."""
    x = features[..., 0] if calling.wave else features
    if calling.masks:
        place = torch.arange(x.shape[1], device=x.device)
        mask = (place[None] < length[:, None]).to(calling.whole)
        given: tuple[tuple[Tensor, ...], dict[str, Tensor]] = (x,), {calling.masks: mask}
    else:
        given = (x, length.to(calling.whole)), {}
    with _plain_attention():
        found = network(*given[0], **given[1])
    return _tensors(found)


@contextmanager
def _plain_attention() -> Iterator[None]:
    """Without the shortcut of nn.TransformerEncoder: its nested tensors, which nothing exports."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def how_to_call(network: nn.Module, features: Tensor, lengths: Tensor) -> Calling:
    """Return how a network takes features and lengths, from its signature.

    Raises:
        ConfigError: it does not take two inputs.
    """
    takes = list(inspect.signature(network.forward).parameters.values())
    named = [p for p in takes if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    required = [p.name for p in named if p.default is p.empty]
    spread = any(p.kind is p.VAR_POSITIONAL for p in takes)
    if len(required) > 2 or (len(named) < 2 and not spread):
        raise ConfigError(
            f"{type(network).__name__}.forward takes {required or [p.name for p in named]}, "
            "expected two inputs, features and lengths; wrap it in a module that takes those two"
        )
    second = named[1].name if len(named) > 1 else "lengths"
    masks = second if "mask" in second else ""
    whole = torch.int64 if masks or not lengths.dtype == torch.int32 else torch.int32
    return Calling(wave=features.dim() == 2, masks=masks, whole=whole)


def _tensors(found: Any) -> tuple[Tensor, Tensor | None]:
    """Return scores and output lengths of whatever a network returns."""
    if isinstance(found, Mapping) or hasattr(found, "logits"):  # transformers' outputs are both
        values = dict(found) if isinstance(found, Mapping) else vars(found)
        for key in ("log_probs", "logits", "emissions"):
            if isinstance(values.get(key), Tensor):
                return values[key], None
        raise InputError(
            f"the network returns {sorted(values)}, expected log_probs or logits among them; "
            "wrap it in a module that returns the tensor",
            reason="bad_shape",
        )
    parts = list(found) if isinstance(found, (tuple, list)) else [found]
    if not parts or not isinstance(parts[0], Tensor) or not parts[0].is_floating_point():
        raise InputError(
            f"the network returns {type(found).__name__}, expected logits or log_probs, alone or "
            "first in a tuple",
            reason="bad_shape",
        )
    second = parts[1] if len(parts) > 1 and isinstance(parts[1], Tensor) else None
    whole = second is not None and not second.is_floating_point() and second.dim() == 1
    return parts[0], second if whole else None
