"""What the signature of a network says of its inputs: who tells the length, and what is left."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable, Sequence
from inspect import Parameter
from typing import Any

import torch
from torch import Tensor, nn

from edgectc.core.errors import ConfigError, UnknownNameError
from edgectc.exporting.byo.adapter import ADDED, LENGTHS, PADDING, SHARE, VALID, Calling

_SHARES = r"^wavs?_len|^rel\w*_len|relative|ratio"  # of the longest, as SpeechBrain names it
# Names that tell a length: the likeliest first. A mask (T, T) of attention is rarely one.
_NAMES = (
    r"len",
    r"pad\w*_?mask|key_pad",
    r"^attention_mask$|^mask",
    r"mask",
    r"frames|sizes|durat",
)
_SAID = {"valid": VALID, "padding": PADDING, "added": ADDED}
MASKS_SAID = ("", *_SAID)


def callings(
    network: nn.Module, features: Tensor, lengths: Tensor, *, told_by: str = "", mask: str = ""
) -> list[Calling]:
    """Return the ways in which a network may want to be called, the likeliest first.

    The name of an argument decides whether it tells the length at all; what it means, frames or a
    share of the longest, valid frames or padding, and of which dtype, is for experiments.

    Args:
        network: to be called.
        features: (N, T, C) or (N, T) of the sample.
        lengths: (N,) of the sample.
        told_by: name of the argument that tells the length; "" to go by names.
        mask: "valid" or "padding" if that is a mask and what 1 means in it, "added" if it is added
            to scores; "" to find it out.

    Raises:
        ConfigError: it needs an argument that no name explains.
        UnknownNameError: it has no argument ``told_by``.
    """
    parameters = list(inspect.signature(network.forward).parameters.values())
    named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    spread = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    if not named and not spread:
        raise ConfigError(f"{_kind(network)}.forward takes nothing, expected features first")
    others = named[1:]
    tellers = _tellers(network, others, told_by)
    if spread and len(named) < 2:
        tellers = [Parameter("lengths", Parameter.POSITIONAL_ONLY)]
    required = [p.name for p in others if p.default is p.empty]
    if len(required) > 1 or (required and required[0] not in {p.name for p in tellers}):
        raise ConfigError(_asked(network, required))
    tellers = [p for p in tellers if p.name in required] or tellers
    silent = Calling(
        wave=features.dim() == 2, second="", by_name=False, meaning="", dtype=torch.int64
    )
    found = []
    for one in tellers:
        given = one.kind is not one.KEYWORD_ONLY and (not others or one.name == others[0].name)
        told = dataclasses.replace(silent, second=one.name, by_name=not given)
        for meaning, dtype in _meanings(one.name, lengths, mask):
            found.append(dataclasses.replace(told, meaning=meaning, dtype=dtype))
    return found or [silent]


def is_optional(network: nn.Module, name: str) -> bool:
    """Return whether a network also answers without an argument."""
    found = inspect.signature(network.forward).parameters.get(name)
    return found is not None and found.default is not found.empty


def signed(forward: Callable[..., Any], parameters: Sequence[Parameter]) -> None:
    """Let a method that takes anything say which parameters it takes, after ``self``."""
    me = Parameter("self", Parameter.POSITIONAL_ONLY)
    by_name = (Parameter.VAR_POSITIONAL, Parameter.KEYWORD_ONLY, Parameter.VAR_KEYWORD)
    plain = [p for p in parameters if p.kind not in by_name]
    rest = sorted((p for p in parameters if p.kind in by_name), key=lambda p: p.kind)
    ordered = [*sorted(plain, key=lambda p: (p.kind, p.default is not p.empty)), *rest]
    forward.__signature__ = inspect.Signature([me, *ordered])  # type: ignore[attr-defined]


def tells_length(name: str) -> bool:
    """Return whether the name of an argument says that it tells a length."""
    return _rank(name) < len(_NAMES)


def _tellers(network: nn.Module, others: list[Parameter], told_by: str) -> list[Parameter]:
    """Return the arguments that may tell the length, the likeliest first."""
    if told_by:
        if told_by not in {p.name for p in others}:
            names = [p.name for p in others]
            raise UnknownNameError(f"argument of {_kind(network)}.forward", told_by, names)
        return [p for p in others if p.name == told_by]
    ranked = [(_rank(p.name), p) for p in others]
    return [p for rank, p in sorted(ranked, key=lambda pair: pair[0]) if rank < len(_NAMES)]


def _rank(name: str) -> int:
    matches = (i for i, pattern in enumerate(_NAMES) if re.search(pattern, name.lower()))
    return next(matches, len(_NAMES))


def _meanings(name: str, lengths: Tensor, mask: str) -> list[tuple[str, torch.dtype]]:
    """Return what an argument may mean, by its name, the likeliest first."""
    if not mask and "mask" not in name.lower() and "key_pad" not in name.lower():
        first = torch.int32 if lengths.dtype == torch.int32 else torch.int64
        other = torch.int64 if first == torch.int32 else torch.int32
        counts, share = [(LENGTHS, first), (LENGTHS, other)], (SHARE, torch.float32)
        return [share, *counts] if re.search(_SHARES, name.lower()) else [*counts, share]
    # "padding_mask" is True on padding in torch, fairseq and NeMo; "attention_mask" is 1 on valid
    # frames in transformers.
    if "pad" in name.lower():
        order, kinds = [PADDING, VALID], [torch.bool, torch.int64, torch.float32]
    else:
        order, kinds = [VALID, PADDING], [torch.int64, torch.bool, torch.float32]
    order = [_SAID[mask]] if mask else [*order, ADDED]
    return [
        (meaning, kind)
        for meaning in order
        for kind in (kinds if meaning != ADDED else [torch.float32])
    ]


def _asked(network: nn.Module, required: list[str]) -> str:
    unknown = [name for name in required if _rank(name) == len(_NAMES)] or required[1:]
    return (
        f"{_kind(network)}.forward needs {', '.join(required)} beside the features, and what "
        f"{unknown[0]!r} is, its name does not say. If it tells the valid frames, say "
        f"lengths={unknown[0]!r} (--lengths {unknown[0]}); if it is something else, wrap the "
        "network in a module whose forward(self, features, lengths) gives it a constant"
    )


def _kind(network: nn.Module) -> str:
    return type(network).__name__
