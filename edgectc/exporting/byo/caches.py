"""Networks that take and give caches: which arguments they are, and how one chunk is answered."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from edgectc.core.errors import ConfigError, UnknownNameError
from edgectc.core.tokens import output_length
from edgectc.exporting.byo import signature, trees
from edgectc.exporting.byo.adapter import AXES, Calling, leaves, second_argument, tensors
from edgectc.exporting.byo.tracing_modes import Sizes


@dataclass(frozen=True, eq=False)
class Caches:
    """What a network remembers, as its arguments take it.

    Attributes:
        arguments: name to value before the first frame: a tensor, or tuples and lists of them.
        names: of all tensors in them, "h", or "h_0", "h_1" of a pair.
        initial: those tensors.
    """

    arguments: Mapping[str, Any]
    names: tuple[str, ...]
    initial: tuple[Tensor, ...]

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> Caches:
        """Return the caches of named values."""
        found = [leaf for name, value in arguments.items() for leaf in trees.named(name, value)]
        return cls(arguments, tuple(n for n, _ in found), tuple(t for _, t in found))

    def filled(self, values: Sequence[Tensor]) -> dict[str, Any]:
        """Return the arguments with other tensors in the places of the initial ones."""
        rest = iter(values)
        return {name: trees.refilled(value, rest) for name, value in self.arguments.items()}


def found(network: nn.Module, declared: Mapping[str, Any], step: str, told_by: str) -> Caches:
    """Return the caches of a network: those declared, its own ``initial_states()``, or found out.

    Args:
        network: in evaluation mode.
        declared: argument to shape, tensor, or tuples of either; empty to find them.
        step: name of the method that takes a chunk; "" for ``forward``.
        told_by: name of the argument that tells the length; "" if names tell.

    Raises:
        ConfigError: there is no such method, or it takes no caches that are known.
        UnknownNameError: no argument has a declared name.
    """
    method = getattr(network, step or "forward", None)
    if not callable(method):
        raise ConfigError(f"{_kind(network)} has no method {step!r}", options=["step"])
    parameters = list(inspect.signature(method).parameters.values())[1:]
    plain = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    names = [p.name for p in plain]
    if declared:
        for name in declared:
            if name not in names:
                raise UnknownNameError(
                    f"argument of {_kind(network)}.{step or 'forward'}", name, names
                )
        return Caches.of({name: trees.made(value) for name, value in declared.items()})
    others = [p for p in plain if p.name != told_by and not signature.tells_length(p.name)]
    own = getattr(network, "initial_states", None)
    if callable(own):
        given = own()
        values = list(given.values()) if isinstance(given, Mapping) else given
        if isinstance(values, Tensor):
            values = (values,)
        keys = list(given) if isinstance(given, Mapping) else [p.name for p in others]
        if len(keys) != len(values):
            raise ConfigError(
                f"{_kind(network)}.initial_states() gives {len(values)} values for the arguments "
                f"{keys}; give one for each, or say states={{NAME: SHAPE}}"
            )
        return Caches.of(dict(zip(keys, values, strict=True)))
    if any(p.default is p.empty for p in others):
        needed = [p.name for p in others if p.default is p.empty]
        raise ConfigError(
            f"{_kind(network)} takes {', '.join(needed)}, and nothing says what they are before "
            "the first frame; say states={NAME: SHAPE}, or add a method initial_states()",
            options=["states"],
        )
    return Caches.of({p.name: None for p in others if p.default is None})


def discovered(
    network: nn.Module, caches: Caches, calling: Calling, features: Tensor, step: str
) -> Caches:
    """Return caches whose values are known, those left at None read from what comes back.

    Args:
        network: in evaluation mode.
        caches: as `found` returns them.
        calling: how the network is called.
        features: (1, T, C) of one chunk.
        step: as for `found`.

    Raises:
        ConfigError: nothing comes back that could be one.
    """
    unknown = [name for name, value in caches.arguments.items() if value is None]
    if not unknown:
        return caches
    answer = _called(network, calling, features, torch.tensor([features.shape[1]]), step, {})
    parts = [part for part in _parts(answer)[1:] if not _tells_lengths(part)]
    if len(parts) != len(unknown):
        raise ConfigError(
            f"{_kind(network)} takes {', '.join(unknown)} or nothing, and gives {len(parts)} "
            "values beside its scores; give every cache back, or say states={NAME: SHAPE}",
            options=["states"],
        )
    zeros = {name: trees.zeros(part) for name, part in zip(unknown, parts, strict=True)}
    return Caches.of({**caches.arguments, **zeros})


class Whole(nn.Module):
    """A network that is given a recording whole, its caches being those before the first frame.

    Rows go one by one, as a stream has one; made by `whole`.
    """

    def __init__(self, network: nn.Module, caches: Caches, axes: str, names: list[str]) -> None:
        super().__init__()
        self.network, self.caches = network, caches
        self.batch, self.names = axes.index("N"), names

    def ask(self, given: tuple[Tensor, ...], named: Mapping[str, Tensor]) -> Any:
        """Return scores, and output lengths if the network tells them."""
        first, *rest = given
        more = {**dict(zip(self.names[1:], rest, strict=False)), **named}
        # An argument left at None is the network's own beginning.
        start = {k: v for k, v in self.caches.arguments.items() if v is not None}
        rows = []
        for i in range(len(first)):
            row = {name: value[i : i + 1] for name, value in more.items()}
            rows.append(tensors(self.network(first[i : i + 1], **row, **start)))
        scores = torch.cat([row[0] for row in rows], dim=self.batch)
        told = [row[1] for row in rows if row[1] is not None]
        return (scores, torch.cat(told)) if len(told) == len(rows) else scores


def whole(network: nn.Module, caches: Caches, axes: str) -> Whole:
    """Return a network whose ``forward`` takes what the network's takes, without the caches."""
    parameters = inspect.signature(network.forward).parameters.values()
    kept = [p for p in parameters if p.name not in caches.arguments]
    taken = {name: v for name, v in caches.arguments.items() if name not in {p.name for p in kept}}
    inner = {p.name for p in parameters}

    def forward(self: Whole, *given: Tensor, **named: Tensor) -> Any:
        return self.ask(given, named)

    signature.signed(forward, kept)
    made = type(_kind(network), (Whole,), {"forward": forward})
    known = Caches.of({name: value for name, value in taken.items() if name in inner})
    return made(network, known, axes, [p.name for p in kept])


class Step(nn.Module):
    """One chunk: (features, length, *states) to (log_probs, *states), batch of one.

    Attributes:
        frontend, stride, window: of the whole network.
        states: name to value before the first chunk.
        outputs: names of the states that come out, in the same order.
    """

    frontend: Any
    stride: int
    window: int

    def __init__(
        self, network: nn.Module, calling: Calling, caches: Caches, step: str, frames: int
    ) -> None:
        super().__init__()
        self.network, self.calling, self.caches = network, calling, caches
        self.method, self.frames = step, frames
        self.carried = [i for i, value in enumerate(caches.initial) if value.numel()]
        self.states = {f"state_{caches.names[i]}": caches.initial[i] for i in self.carried}
        self.outputs = [f"next_{name}" for name in self.states]
        self.places: list[int] = []

    def output_length(self, length: int) -> int:
        """Return the valid output frames of ``length`` valid input frames."""
        return output_length(length, self.stride, self.window)

    @torch.no_grad()
    def prepare(self, features: Tensor, order: Sequence[str]) -> None:
        """Find out which outputs are the states, on one chunk (1, chunk + look_ahead, C).

        Args:
            features: of the chunk.
            order: names of the states in the order in which they come out; () for that of the
                arguments.

        Raises:
            ConfigError: a state does not come back, or the chunk has too few output frames.
        """
        length, width = torch.tensor([features.shape[1]], dtype=torch.int32), features.shape[1]
        with Sizes() as seen:
            scores, rest = self._parted(features, length, list(self.caches.initial))
        self.sizes = tuple(seen.found)
        got = scores.permute(AXES[self.calling.axes]).shape[1]
        if got < self.frames:
            raise ConfigError(
                f"for a chunk of {width} frames the network answers {got} frames, expected "
                f"{self.frames} or more: its stride is {self.stride}, its window {self.window}; "
                "say a larger look_ahead, or let the network remember what it has seen"
            )
        names = {self.caches.names[i]: i for i in self.carried}
        wanted = [name for name in (order or self.caches.names) if name in names]
        unused, places = list(range(len(rest))), {}
        for name in wanted:
            state = self.caches.initial[names[name]]
            same = [k for k in unused if _alike(rest[k], state)]
            if not same:
                shapes = ", ".join(f"{tuple(part.shape)}" for part in rest) or "nothing"
                raise ConfigError(
                    f"{name} has shape {tuple(state.shape)} of {_type(state)} and does not come "
                    f"back: beside its scores the network gives {shapes}. A state has to keep its "
                    "shape: give back the last frames alone, and start with as many",
                    options=["states"],
                )
            places[name] = same[0]
            unused.remove(same[0])
        self.places = [places[self.caches.names[i]] for i in self.carried]

    def forward(self, *inputs: Tensor, **named: Tensor) -> tuple[Tensor, ...]:
        """Return log_probs (1, T', V) of the chunk, and the states after it.

        Args:
            inputs: (1, chunk + look_ahead, C) float32, (1,) int32 valid frames, states.
            named: the same by their names in the contract, in its order.
        """
        features, length, *values = (*inputs, *named.values())
        states = list(self.caches.initial)
        for i, value in zip(self.carried, values, strict=True):
            states[i] = value
        if self.sizes:
            with Sizes(self.sizes):
                scores, rest = self._parted(features, length, states)
        else:
            scores, rest = self._parted(features, length, states)
        out = scores.permute(AXES[self.calling.axes])[:, : self.frames]
        out = torch.log_softmax(out, dim=-1) if self.calling.log_softmax else out
        return (out, *(rest[k] for k in self.places))

    def _parted(
        self, features: Tensor, length: Tensor, states: list[Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        more = self.caches.filled(states)
        found = _called(self.network, self.calling, features, length, self.method, more)
        scores = tensors(found)[0]
        return scores, [t for t in leaves(found) if t is not scores]


def _called(
    network: nn.Module, calling: Calling, features: Tensor, length: Tensor, step: str,
    more: Mapping[str, Any],
) -> Any:  # fmt: skip
    """Return whatever the method of a chunk answers."""
    method = getattr(network, step) if step else network
    x = features[..., 0] if calling.wave else features
    takes = inspect.signature(getattr(network, step or "forward")).parameters
    told = {}
    if calling.second in takes:
        told = {calling.second: second_argument(calling, length, x.shape[1])}
    return method(x, **told, **more)


def _parts(found: Any) -> list[Any]:
    if isinstance(found, Mapping):
        return list(found.values())
    return list(found) if isinstance(found, (tuple, list)) else [found]


def _tells_lengths(part: Any) -> bool:
    return isinstance(part, Tensor) and part.dim() == 1 and not part.is_floating_point()


def _alike(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and one.dtype == other.dtype


def _type(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _kind(network: nn.Module) -> str:
    return type(network).__name__
