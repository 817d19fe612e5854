"""A value against its type: what it becomes, or in words what was expected."""

from __future__ import annotations

import numbers
import operator
import os
import types
import typing
from collections.abc import Sequence
from typing import Annotated, Any

from edgectc.core.config import Range
from edgectc.core.expected import WHOLE, Hint, Hints, Value, bounds, described, parts
from edgectc.core.lazy_numpy import is_numpy

_ANY = Range()
_LIST: Hint = Sequence


class Unfit(Exception):
    """A value that is not what was expected, which the text says."""


def fitted(hint: Hint, value: Value) -> Value:
    """Return a value as ``hint`` has it.

    Raises:
        Unfit: it is something else.
    """
    origin, args = parts(hint)
    if origin is Annotated:
        return _path(value) if args[0] is str else _number(args[0], args[1], value)
    if origin in (typing.Union, types.UnionType):
        return _one_of(args, value)
    if hint in (int, float):
        return _number(hint, WHOLE if hint is int else _ANY, value)
    if hint is bool and is_numpy(value, "bool_"):
        return bool(value)
    kind = origin or hint
    if kind is os.PathLike:
        return _path(value)
    if hint is Any or not isinstance(kind, type):  # or a type that names itself
        return value
    if kind is _LIST and is_numpy(value, "ndarray") and value.ndim == 1:
        value = value.tolist()
    if not isinstance(value, kind) or (origin and isinstance(value, (str, bytes))):
        raise Unfit(described(hint))
    if kind is not _LIST:
        return value
    items = [fitted(args[0], item) for item in value]
    return tuple(items) if isinstance(value, tuple) else items


def _path(value: Value) -> str:
    """Return the text of a path."""
    if not isinstance(value, (str, os.PathLike)):
        raise Unfit("a path")
    path = os.fspath(value)
    if not isinstance(path, str) or not path or "\0" in path:
        raise Unfit("a path")
    return path


def _one_of(hints: Hints, value: Value) -> Value:
    if os.PathLike in {parts(hint)[0] for hint in hints}:
        hints = (Annotated[str, "path"], *(h for h in hints if h is not str))
        if isinstance(value, os.PathLike):
            _path(value)
            return value
    reasons = []
    for hint in hints:
        try:
            return fitted(hint, value)
        except Unfit as unfit:
            reasons.append(str(unfit))
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        # A number is out of range: that None would do is no help.
        reasons = [r for r in reasons if r != "None"]
    raise Unfit(" or ".join(dict.fromkeys(reasons)))


def _number(kind: type, held: Range, value: Value) -> int | float:
    whole = kind is int
    expected = f"{'a whole number' if whole else 'a number'}{bounds(held, ', ')}"
    if isinstance(value, bool) or is_numpy(value, "bool_"):
        raise Unfit(expected)
    try:
        number = operator.index(value) if whole else float(_real(value))
    except (TypeError, ValueError, OverflowError):
        raise Unfit(expected) from None
    if number not in held:
        raise Unfit(bounds(held, "") or "a finite number")
    return number


def _real(value: Value) -> Value:
    if not isinstance(value, numbers.Real) and not is_numpy(value, "integer", "floating"):
        raise TypeError
    return value
