"""A foreign network behind our contract: features and length in, log_probs (N, T', V) out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, is_dataclass
from typing import Any

import torch
from torch import Tensor, nn

from edgectc.core.errors import InputError
from edgectc.core.tokens import output_length
from edgectc.exporting.byo.tracing_modes import Sizes

AXES = {"NTV": (0, 1, 2), "TNV": (1, 0, 2), "NVT": (0, 2, 1)}


# What a network may be told of a recording's length, by the meaning of its second argument.
LENGTHS, SHARE = "lengths", "share of the longest"
VALID, PADDING = "mask, 1 = valid", "mask, 1 = padding"
ADDED = "mask, 0 = valid and -1e9 = padding, added to scores"
MASKS = (VALID, PADDING, ADDED)
_HIDDEN = -1e9  # and not -inf, of which a row makes NaN


@dataclass(frozen=True)
class Calling:
    """How a network wants to be called, and what has to be done to its answer.

    Attributes:
        wave: it takes (N, T) and not (N, T, C).
        second: name of the argument that tells the length; "" if nothing does.
        by_name: whether that argument goes by its name, and not in the second place.
        meaning: of that argument: `LENGTHS` (N,) in frames, `SHARE` (N,) of the longest, 0 to 1,
            or a mask (N, T), `VALID`, `PADDING` or `ADDED`; "" if nothing tells the length.
        dtype: of that argument.
        axes: axes of its answer, a key of `AXES`.
        log_softmax: whether its answer is scores that still need one.
        sizes: integers that it reads out of tensors at full length, see `tracing_modes.Sizes`.
        frozen: which of the sizes are held, by their place; None for all.
    """

    wave: bool
    second: str
    by_name: bool
    meaning: str
    dtype: torch.dtype
    axes: str = "NTV"
    log_softmax: bool = False
    sizes: tuple[int, ...] = ()
    frozen: tuple[int, ...] | None = None

    def __str__(self) -> str:
        kind = str(self.dtype).removeprefix("torch.")
        return f"{self.second} as {kind} {self.meaning}" if self.second else "features alone"


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
        with Sizes(self.calling.sizes, self.calling.frozen):
            return self._answer(features, length)

    def _answer(self, features: Tensor, length: Tensor) -> Tensor:
        out = answer(self.network, self.calling, features, length)[0]
        out = out.permute(AXES[self.calling.axes])
        return torch.log_softmax(out, dim=-1) if self.calling.log_softmax else out


def answer(
    network: nn.Module, calling: Calling, features: Tensor, length: Tensor
) -> tuple[Tensor, Tensor | None]:
    """Return what a network answers as it stands, and the output lengths if it tells them."""
    return tensors(raw(network, calling, features, length))


def raw(network: nn.Module, calling: Calling, features: Tensor, length: Tensor) -> Any:
    """Return whatever a network answers."""
    x = features[..., 0] if calling.wave else features
    with _plain_attention():
        if not calling.second:
            return network(x)
        told = second_argument(calling, length, x.shape[1])
        if calling.by_name:
            return network(x, **{calling.second: told})
        return network(x, told)


def second_argument(calling: Calling, length: Tensor, frames: int) -> Tensor:
    """Return what tells a network the valid frames, (N,) or a mask (N, frames).

    Args:
        calling: how it wants to be told.
        length: (N,) integers.
        frames: of the input.
    """
    if calling.meaning in MASKS:
        place = torch.arange(frames, device=length.device)
        valid = place[None] < length[:, None]
        if calling.meaning == ADDED:
            return torch.where(valid, 0.0, _HIDDEN)
        return (valid if calling.meaning == VALID else ~valid).to(calling.dtype)
    if calling.meaning == SHARE:
        return length.to(calling.dtype) / frames
    return length.to(calling.dtype)


@contextmanager
def _plain_attention() -> Iterator[None]:
    """Without the shortcut of nn.TransformerEncoder: its nested tensors, which nothing exports."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def leaves(found: Any) -> Iterator[Tensor]:
    """Yield every tensor of what a network answers."""
    if isinstance(found, Tensor):
        yield found
    elif values := by_name(found):
        for part in values.values():
            yield from leaves(part)
    elif isinstance(found, (tuple, list)):
        for part in found:
            yield from leaves(part)


def by_name(found: Any) -> dict[str, Any]:
    """Return the answers of a mapping, a dataclass or a NamedTuple by their names; {} of others."""
    if isinstance(found, Mapping):
        return dict(found)
    if isinstance(found, tuple):
        return dict(zip(vars(type(found)).get("_fields", ()), found, strict=False))
    named = is_dataclass(found) or hasattr(found, "logits")
    return dict(vars(found)) if named and not isinstance(found, Tensor) else {}


def tensors(found: Any) -> tuple[Tensor, Tensor | None]:
    """Return scores and output lengths of whatever a network returns."""
    values = by_name(found)
    for key in ("log_probs", "logits", "emissions"):
        if isinstance(values.get(key), Tensor):
            return values[key], None
    if values and not isinstance(found, tuple):
        raise InputError(
            f"the network returns {sorted(values)}, expected log_probs or logits among them; say "
            "which are the scores, answer='NAME' (--answer NAME)",
            reason="bad_shape",
        )
    parts = list(found) if isinstance(found, (tuple, list)) else [found]
    if not parts or not isinstance(parts[0], Tensor) or not parts[0].is_floating_point():
        raise InputError(
            f"the network returns {type(found).__name__}, expected logits or log_probs, alone or "
            "first in a tuple; where they are another of its answers, say answer='NAME' or its "
            "place, as answer='1' (--answer)",
            reason="bad_shape",
        )
    second = parts[1] if len(parts) > 1 and isinstance(parts[1], Tensor) else None
    whole = second is not None and not second.is_floating_point() and second.dim() == 1
    return parts[0], second if whole else None
