"""Networks of several inputs, images or ids, behind one table of columns and the lengths."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from inspect import Parameter
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from edgectc.core.errors import ConfigError, InputError
from edgectc.core.types import Check
from edgectc.data.columns import Input
from edgectc.exporting.byo import signature

_CHANGE = 1e-6  # nats, what rounding alone may change


class Packed(nn.Module):
    """A network whose inputs are columns of its first argument; made by `packed`.

    Attributes:
        inputs: in the order of the columns.
        dtypes: of ids and index, as the sample had them.
    """

    def __init__(
        self, network: nn.Module, inputs: Sequence[Input], dtypes: Mapping[str, torch.dtype]
    ) -> None:
        super().__init__()
        self.network, self.inputs, self.dtypes = network, tuple(inputs), dict(dtypes)

    def parts(self, columns: Tensor) -> dict[str, Tensor]:
        """Return the inputs by their names, of (N, T, columns)."""
        found, at = {}, 0
        N, T, _ = columns.shape
        for one in self.inputs:
            part = columns[:, :, at : at + one.width]
            at += one.width
            if one.kind == "image":
                part = part.permute(0, 2, 1).reshape(N, *one.shape, T)
            elif not one.moves:
                part = part[:, 0].reshape(N, *one.shape)
            else:
                part = part.reshape(N, T, *one.shape)
            if one.count:
                # Padding may hold anything; what is an id stays as it is.
                part = torch.clamp(torch.round(part), 0, one.count - 1).to(
                    self.dtypes.get(one.name, torch.int64)
                )
            found[one.name] = part
        return found

    def ask(self, columns: Tensor, rest: Sequence[Tensor], named: Mapping[str, Tensor]) -> Any:
        """Return whatever the network answers."""
        names = [name for name in self.names if name not in {one.name for one in self.inputs}]
        more = {**dict(zip(names, rest, strict=False)), **named}
        first, *others = self.parts(columns).items()
        return self.network(first[1], **dict(others), **more)

    @property
    def names(self) -> list[str]:
        """Return the arguments of the network."""
        return list(inspect.signature(self.network.forward).parameters)


def packed(
    network: nn.Module, sample: Mapping[str, Any], counts: Mapping[str, int]
) -> tuple[Packed, tuple[Tensor, Tensor]]:
    """Return a network of (table, lengths, ...) and the sample as a table and lengths.

    Args:
        network: of several inputs, images or ids.
        sample: argument to array (N, ...); the first may be called "features", and the frames of
            each recording are "lengths".
        counts: of ids and indices, where the sample does not hold the largest.

    Raises:
        ConfigError: the network has no such argument.
        InputError: an array is nothing that an input could be.
    """
    parameters = inspect.signature(network.forward).parameters
    names = list(parameters)
    arrays = {
        (names[0] if key == "features" else key): np.asarray(value)
        for key, value in sample.items()
        if key != "lengths"
    }
    unknown = [key for key in arrays if key not in names]
    if unknown or names[0] not in arrays:
        raise ConfigError(
            f"the sample holds {sorted(sample)}, and {type(network).__name__}.forward takes "
            f"{names}; name its arrays after the arguments, with lengths (N,) beside them",
            options=["sample"],
        )
    first = arrays[names[0]]
    frames = first.shape[3] if first.ndim == 4 else first.shape[1] if first.ndim > 1 else 0
    ordered = [name for name in names if name in arrays]
    inputs = [_input(name, arrays[name], frames, counts, name == names[0]) for name in ordered]
    N = len(first)
    table = np.concatenate(
        [_columns(one, arrays[one.name], frames) for one in inputs], axis=2
    ).astype(np.float32)
    lengths = np.asarray(sample.get("lengths", np.full(N, frames)))
    dtypes = {one.name: torch.from_numpy(arrays[one.name]).dtype for one in inputs if one.count}
    made = wrapped(network, inputs, dtypes)
    return made, (torch.from_numpy(table), torch.from_numpy(lengths))


def wrapped(
    network: nn.Module, inputs: Sequence[Input], dtypes: Mapping[str, torch.dtype]
) -> Packed:
    """Return a network of one table; ids are int64 where ``dtypes`` does not say otherwise."""
    parameters = inspect.signature(network.forward).parameters
    taken = {one.name for one in inputs}
    hidden = [p for p in parameters.values() if p.name not in taken]
    head = Parameter("features", Parameter.POSITIONAL_OR_KEYWORD)

    def forward(self: Packed, features: Tensor, *rest: Tensor, **named: Tensor) -> Any:
        return self.ask(features, rest, named)

    signature.signed(forward, [head, *hidden])
    made: Packed = type(type(network).__name__, (Packed,), {"forward": forward})(
        network, inputs, dtypes
    )
    if hasattr(network, "initial_states"):
        made.initial_states = network.initial_states
    return made


def needed(sample: Any) -> bool:
    """Return whether a sample is more than features (N, T, C) or (N, T) and their lengths."""
    if isinstance(sample, Mapping):
        return True
    first = sample[0] if isinstance(sample, (tuple, list)) and len(sample) == 2 else None
    array = None if first is None else torch.as_tensor(first)
    return array is not None and (array.dim() == 4 or not array.is_floating_point())


def named(network: nn.Module, sample: Any) -> Mapping[str, Any]:
    """Return a sample by names, as `packed` takes it."""
    if isinstance(sample, Mapping):
        return sample
    features, lengths = sample
    return {"features": features, "lengths": lengths}


def matter(inputs: Sequence[Input], columns: Tensor, ask: Any) -> Check:
    """Return whether each input changes the answer, tried one by one on a recording.

    Args:
        inputs: in the order of the columns.
        columns: (1, T, columns) of a whole recording.
        ask: columns to log_probs (1, T', V).

    Raises:
        ConfigError: the first does not.
    """
    before, at, told = ask(columns), 0, []
    for one in inputs:
        other, here = columns.clone(), slice(at, at + one.width)
        at += one.width
        if one.count:
            other[..., here] = (other[..., here] + 1) % one.count
        else:
            other[..., here] = other[..., here].flip(1) * 0.7 - 0.5
        change = float((ask(other) - before).abs().max())
        told.append(f"{one.name} {change:.2g}")
        if one is inputs[0] and not change > _CHANGE:
            raise ConfigError(f"another {one.name} changes no answer: the file would be deaf to it")
    return Check("inputs", "pass", f"each changed alone changes the answer by {', '.join(told)}")


def _input(
    name: str, array: np.ndarray, frames: int, counts: Mapping[str, int], first: bool
) -> Input:
    whole, dims = array.dtype.kind in "iu", array.ndim
    if whole and dims in (1, 2) and (dims == 1 or array.shape[1] == frames):
        count = counts.get(name, int(array.max()) + 1)
        if array.min() < 0 or array.max() >= count:
            raise InputError(
                f"{name} holds {int(array.min())} to {int(array.max())}, expected 0 to {count - 1}",
                reason="bad_index",
            )
        return Input(name, "index" if dims == 1 else "ids", (), count)
    if array.dtype.kind == "f" and first and dims == 4:
        return Input(name, "image", array.shape[1:3])
    moves = dims >= 2 and array.shape[1] == frames
    if array.dtype.kind == "f" and moves and (not first or dims in (2, 3)):
        return Input(name, "frames", array.shape[2:])
    if array.dtype.kind == "f" and not first and dims >= 1:
        return Input(name, "value", array.shape[1:])
    raise InputError(
        f"the sample's {name} is {array.dtype} of shape {array.shape}; expected floats (N, T, C), "
        "(N, T), (N, C, H, W) or, of a recording, (N, ...), or integers (N, T) or (N,)",
        reason="bad_shape",
    )


def _columns(one: Input, array: np.ndarray, frames: int) -> np.ndarray:
    """Return (N, T, width) of one input."""
    if one.kind == "image":
        return array.transpose(0, 3, 1, 2).reshape(len(array), frames, -1)
    if one.moves:
        return array.reshape(len(array), frames, -1)
    return np.repeat(array.reshape(len(array), 1, -1), frames, axis=1)
