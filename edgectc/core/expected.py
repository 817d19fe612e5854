"""Types and values in the words of a message."""

from __future__ import annotations

import math
import os
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, TypeAlias

from edgectc.core.config import Range
from edgectc.core.types import shortened

Hint: TypeAlias = Any  # a type, as an annotation has it
Hints: TypeAlias = tuple[Hint, ...]
Value: TypeAlias = Any  # whatever a caller gave

WHOLE = Range(-(2**63), 2**63 - 1)  # of whole numbers without a range


def parts(hint: Hint) -> tuple[Hint, Hints]:
    """Return what a type is made of: its origin, None for a plain one, and its arguments."""
    return typing.get_origin(hint), typing.get_args(hint)


def bounds(held: Range, before: str) -> str:
    """Return a range in words, "" where there is none."""
    if held == WHOLE or held.least == -math.inf:
        return ""
    low = f"{held.least:.15g}"
    if held.above:
        return f"{before}above {low}" + (f", {held.most:.15g} at most" if held.most < 1e9 else "")
    if held.below:
        return f"{before}{low} or more, below {held.most:.15g}"
    return before + (f"{low} to {held.most:.15g}" if held.most < 2**31 - 1 else f"{low} or more")


def described(hint: Hint) -> str:
    """Return a type in words."""
    origin, args = parts(hint)
    names = {str: "a text", bool: "True or False", types.NoneType: "None"}
    if hint in names:
        return names[hint]
    if hint in (int, float):
        return "a whole number" if hint is int else "a number"
    if origin is Annotated:
        return "a path" if args[0] is str else described(args[0]) + bounds(args[1], ", ")
    if origin is os.PathLike:
        return "a path"
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(described(one) for one in args))
    if origin is Sequence:
        return f"a list of which each is {described(args[0])}"
    return {Iterable: "a list", Mapping: "a mapping"}.get(origin, f"a {hint.__name__}")


def shown_argument(value: Value) -> str:
    """Return a value for a message, short; a long number too, which Python would not print."""
    if isinstance(value, int) and abs(value) >= 10**24:
        return "a number of over 24 digits"
    text = shortened(" ".join(repr(value).split()))
    told = isinstance(value, (str, int, float, types.NoneType))
    return text if told else f"{text} ({type(value).__name__})"
