"""Arguments of public functions, checked at the door against what they are annotated with.

A range stands in the type, ``limit: Count | None``, so it is said once, and Python and the command
line refuse the same values in the same words, before a file is opened.
"""

from __future__ import annotations

import functools
import inspect
import math
import numbers
import operator
import os
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, ParamSpec, TypeAlias, TypeVar

import numpy as np

from edgectc.core.config import Range
from edgectc.core.errors import ConfigError
from edgectc.core.types import shortened

P = ParamSpec("P")
R = TypeVar("R")
Hint: TypeAlias = Any  # a type, as an annotation has it
Hints: TypeAlias = tuple[Hint, ...]
Value: TypeAlias = Any  # whatever a caller gave

MOST_THREADS = 1024
MOST_TEXTS = 100_000  # of one answer

File: TypeAlias = str | os.PathLike[str]
FileName: TypeAlias = Annotated[str, "path"]  # a path of any kind comes in, and its text goes on
Count: TypeAlias = Annotated[int, Range(1, 2**31 - 1)]
Index: TypeAlias = Annotated[int, Range(0, 2**31 - 1)]
Seed: TypeAlias = Annotated[int, Range(0, 2**63 - 1)]
Threads: TypeAlias = Annotated[int, Range(1, MOST_THREADS)]
# Longer lists are no use, and some searches take memory for each place.
Nbest: TypeAlias = Annotated[int, Range(1, MOST_TEXTS)]
Positive: TypeAlias = Annotated[float, Range(0, 1e9, above=True)]
AtLeastTwo: TypeAlias = Annotated[int, Range(2, 2**31 - 1)]
Order: TypeAlias = Annotated[int, Range(1, 5)]  # of a language model
Port: TypeAlias = Annotated[int, Range(0, 65535)]
NotNegative: TypeAlias = Annotated[float, Range(0, 1e9)]

_LONG = Range(-(2**63), 2**63 - 1)  # of whole numbers without a range
_ANY = Range()
_LIST: Hint = Sequence


class _Unfit(Exception):
    """A value that is not what was expected, which the text says."""


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """Return a function that refuses arguments of another type or out of range.

    Numbers of NumPy become Python's own. A name that only a type checker sees, such as a class of
    torch, is not checked here.

    Raises:
        ConfigError: at the call; names the argument, what it is, and what was expected.
    """
    assert isinstance(function, types.FunctionType)
    code, module = function.__code__, function.__globals__
    by_place = list(code.co_varnames[: code.co_argcount])
    named = code.co_varnames[code.co_argcount :][: code.co_kwonlyargcount]
    # Of the command line, what comes by place has no flag; the swipes of `evaluate` have one.
    flags = {*named, "data"}
    if code.co_flags & inspect.CO_VARARGS:
        by_place += [code.co_varnames[code.co_argcount + len(named)]] * 1000

    @functools.cache
    def hints() -> dict[str, Hint]:
        return {name: _hint(text, module) for name, text in function.__annotations__.items()}

    def fitted(name: str, value: Value) -> Value:
        known = name in named or name in by_place
        options = [name] if name in flags else []
        return check(name, hints()[name], value, options=options) if known else value

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        values = [fitted(name, value) for name, value in zip(by_place, args, strict=False)]
        values += args[len(by_place) :]  # too many, which the function itself says
        made: R = function(*values, **{k: fitted(k, value) for k, value in kwargs.items()})
        return made

    return wrapper


def check(name: str, hint: Hint, value: Value, *, options: Iterable[str] = ()) -> Value:
    """Return a value as its type has it: a number of NumPy as Python's own.

    Raises:
        ConfigError: it is no such value, or out of range.
    """
    try:
        return _fitted(hint, value)
    except _Unfit as unfit:
        raise ConfigError(f"{name} is {_shown(value)}, expected {unfit}", options=options) from None


def _hint(annotation: Hint, module: dict[str, Value]) -> Hint:
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, module)
    except (NameError, AttributeError):  # of a name that is imported for type checkers alone
        return Any


def _fitted(hint: Hint, value: Value) -> Value:
    """Return a value as ``hint`` has it.

    Raises:
        _Unfit: it is something else.
    """
    origin, args = _parts(hint)
    if origin is Annotated:
        return _path(value) if args[0] is str else _number(args[0], args[1], value)
    if origin in (typing.Union, types.UnionType):
        return _one_of(args, value)
    if hint in (int, float):
        return _number(hint, _LONG if hint is int else _ANY, value)
    if hint is bool and isinstance(value, np.bool_):
        return bool(value)
    kind = origin or hint
    if kind is os.PathLike:
        return _path(value)
    if hint is Any or not isinstance(kind, type):  # or a type that names itself
        return value
    if kind is _LIST and isinstance(value, np.ndarray) and value.ndim == 1:
        value = value.tolist()
    if not isinstance(value, kind) or (origin and isinstance(value, (str, bytes))):
        raise _Unfit(_described(hint))
    if kind is not _LIST:
        return value
    items = [_fitted(args[0], item) for item in value]
    return tuple(items) if isinstance(value, tuple) else items


def _parts(hint: Hint) -> tuple[Hint, Hints]:
    """Return what a type is made of: its origin, None for a plain one, and its arguments."""
    return typing.get_origin(hint), typing.get_args(hint)


def _path(value: Value) -> str:
    """Return the text of a path."""
    if not isinstance(value, (str, os.PathLike)):
        raise _Unfit("a path")
    path = os.fspath(value)
    if not isinstance(path, str) or not path or "\0" in path:
        raise _Unfit("a path")
    return path


def _one_of(hints: Hints, value: Value) -> Value:
    if os.PathLike in {_parts(hint)[0] for hint in hints}:
        hints = (Annotated[str, "path"], *(h for h in hints if h is not str))
        if isinstance(value, os.PathLike):
            _path(value)
            return value
    reasons = []
    for hint in hints:
        try:
            return _fitted(hint, value)
        except _Unfit as unfit:
            reasons.append(str(unfit))
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        # A number is out of range: that None would do is no help.
        reasons = [r for r in reasons if r != "None"]
    raise _Unfit(" or ".join(dict.fromkeys(reasons)))


def _number(kind: type, held: Range, value: Value) -> int | float:
    whole = kind is int
    expected = f"{'a whole number' if whole else 'a number'}{_bounds(held, ', ')}"
    if isinstance(value, (bool, np.bool_)):
        raise _Unfit(expected)
    try:
        number = operator.index(value) if whole else float(_real(value))
    except (TypeError, ValueError, OverflowError):
        raise _Unfit(expected) from None
    if number not in held:
        raise _Unfit(_bounds(held, "") or "a finite number")
    return number


def _real(value: Value) -> Value:
    if not isinstance(value, numbers.Real) and not isinstance(value, (np.integer, np.floating)):
        raise TypeError
    return value


def _bounds(held: Range, before: str) -> str:
    """Return a range in words, "" where there is none."""
    if held == _LONG or held.least == -math.inf:
        return ""
    low = f"{held.least:.15g}"
    if held.above:
        return f"{before}above {low}" + (f", {held.most:.15g} at most" if held.most < 1e9 else "")
    return before + (f"{low} to {held.most:.15g}" if held.most < 2**31 - 1 else f"{low} or more")


def _described(hint: Hint) -> str:
    origin, args = _parts(hint)
    names = {str: "a text", bool: "True or False", types.NoneType: "None"}
    if hint in names:
        return names[hint]
    if hint in (int, float):
        return "a whole number" if hint is int else "a number"
    if origin is Annotated:
        return "a path" if args[0] is str else _described(args[0]) + _bounds(args[1], ", ")
    if origin is os.PathLike:
        return "a path"
    if origin is _LIST:
        return f"a list of which each is {_described(args[0])}"
    return {Iterable: "a list", Mapping: "a mapping"}.get(origin, f"a {hint.__name__}")


def _shown(value: Value) -> str:
    """Return a value for a message, short; a long number too, which Python would not print."""
    if isinstance(value, int) and abs(value) >= 10**24:
        return "a number of over 24 digits"
    text = shortened(" ".join(repr(value).split()))
    told = isinstance(value, (str, int, float, types.NoneType))
    return text if told else f"{text} ({type(value).__name__})"
