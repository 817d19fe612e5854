"""What a network does while it runs: operators that cannot be exported, and where they stand.

Sizes that a network reads out of its lengths, such as ``int(lengths.max())`` for the width of a
mask, cannot be part of a graph of fixed shape. In a padded batch the longest length is the width of
the input, so the sizes are taken once at full length and given back on every later run; probing
proves that the answers do not depend on it.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

# What torch hands to a mode: any of its operators, with any arguments.
Result: TypeAlias = Any
Operator: TypeAlias = Callable[..., Result]
Types: TypeAlias = Collection[type]
Arguments: TypeAlias = tuple[Result, ...]
Named: TypeAlias = dict[str, Result]


_OURS = str(Path(__file__).resolve().parent)
_TORCHS = str(Path(torch.__file__).resolve().parent)
_RANDOM = ("dropout", "bernoulli", "rand", "normal_", "multinomial")
_SHAPES = ("nonzero", "masked_select", "unique")


@dataclass
class Seen:
    """Places of what matters for an export, "file:line" each, in order of appearance.

    Attributes:
        packed: packed sequences.
        random: random numbers, as drawn by dropout.
        batch_statistics: normalisation by the statistics of the batch.
        branches: Python decisions on the value of a tensor.
        shapes: operators whose output shape depends on values.
        attention_masks: masks given to torch's scaled dot product attention.
        overwritten: operators that write into the features they were given.
    """

    packed: list[str] = field(default_factory=list)
    random: list[str] = field(default_factory=list)
    batch_statistics: list[str] = field(default_factory=list)
    branches: list[str] = field(default_factory=list)
    shapes: list[str] = field(default_factory=list)
    attention_masks: list[str] = field(default_factory=list)
    overwritten: list[str] = field(default_factory=list)

    def suspects(self) -> str:
        """Return what may have stopped a converter, "" if nothing was seen."""
        named = {
            "a decision on a tensor's value": self.branches,
            "an operator whose shape depends on values": self.shapes,
            "a mask for scaled_dot_product_attention": self.attention_masks,
        }
        found = [f"{what} at {places[0]}" for what, places in named.items() if places]
        return "; ".join(found)


class Watch(TorchDispatchMode):
    """Notes operators while it is active; use with `Decisions` inside.

    Args:
        seen: takes the notes.
        features: that the network is given.
    """

    def __init__(self, seen: Seen, features: Tensor) -> None:
        super().__init__()
        self.seen, self._given = seen, features.untyped_storage().data_ptr()

    def __torch_dispatch__(
        self, func: OpOverload, types: Types, args: Arguments = (), kwargs: Named | None = None
    ) -> Result:
        """Run the operator and note it."""
        name = func._schema.name.removeprefix("aten::")
        if "_pack_padded_sequence" in name:
            self.seen.packed.append(place())
        elif any(word in name for word in _RANDOM):
            self.seen.random.append(place())
        elif "batch_norm" in name and _trains(func, args):
            self.seen.batch_statistics.append(place())
        elif any(word in name for word in _SHAPES):
            self.seen.shapes.append(place())
        elif func._schema.is_mutable and self._is_given(args[0] if args else None):
            self.seen.overwritten.append(place())
        return func(*args, **(kwargs or {}))

    def _is_given(self, value: Result) -> bool:
        return isinstance(value, Tensor) and value.untyped_storage().data_ptr() == self._given


class Decisions(TorchFunctionMode):
    """Notes Python decisions on tensors, and masked attention, while it is active."""

    def __init__(self, seen: Seen) -> None:
        super().__init__()
        self.seen = seen

    def __torch_function__(
        self, func: Operator, types: Types, args: Arguments = (), kwargs: Named | None = None
    ) -> Result:
        """Run the function and note it."""
        kwargs = kwargs or {}
        if func is Tensor.__bool__:
            self.seen.branches.append(place())
        elif func is torch.nn.functional.scaled_dot_product_attention:
            if kwargs.get("attn_mask") is not None or (len(args) > 3 and args[3] is not None):
                self.seen.attention_masks.append(place())
        return func(*args, **kwargs)


class Sizes(TorchFunctionMode):
    """Answers ``item()``, ``int()`` and slices by integer tensors from a list, or fills the list.

    Args:
        known: sizes to give back in order; None to record them.
        held: which of them are given back, by their place, the others being read; None for all.
    """

    def __init__(
        self, known: tuple[int, ...] | None = None, held: tuple[int, ...] | None = None
    ) -> None:
        super().__init__()
        self.known, self.held = known, held
        self.found: list[int] = []
        self.places: list[str] = []
        self._at = 0

    def __torch_function__(
        self, func: Operator, types: Types, args: Arguments = (), kwargs: Named | None = None
    ) -> Result:
        """Run the function, with sizes in place of integer tensors."""
        kwargs = kwargs or {}
        if func in _READERS and _is_size(args[0]):
            return self._read(args[0])
        if func is Tensor.tolist and _is_size(args[0]) and args[0].dim() == 1:
            return [self._read(args[0])]
        if func is torch.arange:
            args = tuple(self._read(one) if _is_size(one) else one for one in args)
        elif func is Tensor.__getitem__:
            args = (args[0], self._index(args[1]))
        return func(*args, **kwargs)

    def _index(self, index: Result) -> Result:
        if isinstance(index, tuple):
            return tuple(self._index(part) for part in index)
        if not isinstance(index, slice):
            return index
        ends = (index.start, index.stop, index.step)
        return slice(*(self._read(end) if _is_size(end) else end for end in ends))

    def _read(self, tensor: Tensor) -> int:
        if self.known is None:
            self.found.append(int(torch.Tensor.item(tensor)))
            self.places.append(place())
            return self.found[-1]
        if self._at >= len(self.known):
            raise RuntimeError("the network reads more sizes than it did at full length")
        self._at += 1
        if self.held is not None and self._at - 1 not in self.held:
            return int(torch.Tensor.item(tensor))
        return self.known[self._at - 1]


_READERS: tuple[Operator, ...] = (Tensor.item, Tensor.__int__, Tensor.__index__)


def place() -> str:
    """Return "file:line" of the innermost line that is neither torch's nor ours."""
    for frame in reversed(traceback.extract_stack()):
        if not frame.filename.startswith((_OURS, _TORCHS)) and "<frozen" not in frame.filename:
            return f"{Path(frame.filename).name}:{frame.lineno}"
    return "an unknown place"


def _is_size(value: Result) -> bool:
    return (
        isinstance(value, Tensor)
        and value.numel() == 1
        and value.dtype in (torch.int64, torch.int32, torch.int16, torch.uint8)
    )


def _trains(func: OpOverload, args: Arguments) -> bool:
    """Whether a batch-norm operator was called for training, wherever its schema has that flag."""
    names = [argument.name for argument in func._schema.arguments]
    for flag in ("training", "train"):
        if flag in names and names.index(flag) < len(args):
            return bool(args[names.index(flag)])
    return "no_stats" in func._overloadname
