"""Arguments of public functions, checked at the door against what they are annotated with.

A range stands in the type, ``limit: Count | None``, so it is said once, and Python and the command
line refuse the same values in the same words, before a file is opened.
"""

from __future__ import annotations

import functools
import inspect
import os
import types
from collections.abc import Callable, Iterable
from typing import Annotated, Any, ParamSpec, TypeAlias, TypeVar

from edgectc.core.config import Range
from edgectc.core.errors import ConfigError
from edgectc.core.expected import Hint, Value, shown_argument
from edgectc.core.fitting import Unfit, fitted

P = ParamSpec("P")
R = TypeVar("R")

MOST_THREADS = 1024
MOST_TEXTS = 100_000  # of one answer

File: TypeAlias = str | os.PathLike[str]
FileName: TypeAlias = Annotated[str, "path"]  # a path of any kind comes in, and its text goes on
Count: TypeAlias = Annotated[int, Range(1, 2**31 - 1)]
Index: TypeAlias = Annotated[int, Range(0, 2**31 - 1)]
Seed: TypeAlias = Annotated[int, Range(0, 2**63 - 1)]
Chunk: TypeAlias = Annotated[int, Range(1, 1 << 20)]  # frames
Threads: TypeAlias = Annotated[int, Range(1, MOST_THREADS)]
Jobs: TypeAlias = Annotated[int, Range(1, MOST_THREADS)]  # processes
# Longer lists are no use, and some searches take memory for each place.
Nbest: TypeAlias = Annotated[int, Range(1, MOST_TEXTS)]
Positive: TypeAlias = Annotated[float, Range(0, 1e9, above=True)]
AtLeastTwo: TypeAlias = Annotated[int, Range(2, 2**31 - 1)]
Order: TypeAlias = Annotated[int, Range(1, 5)]  # of a language model
Port: TypeAlias = Annotated[int, Range(0, 65535)]
Share: TypeAlias = Annotated[float, Range(0, 1)]
NotNegative: TypeAlias = Annotated[float, Range(0, 1e9)]


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

    def held(name: str, value: Value) -> Value:
        known = name in named or name in by_place
        options = [name] if name in flags else []
        return check(name, hints()[name], value, options=options) if known else value

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        values = [held(name, value) for name, value in zip(by_place, args, strict=False)]
        values += args[len(by_place) :]  # too many, which the function itself says
        made: R = function(*values, **{k: held(k, value) for k, value in kwargs.items()})
        return made

    return wrapper


def check(name: str, hint: Hint, value: Value, *, options: Iterable[str] = ()) -> Value:
    """Return a value as its type has it: a number of NumPy as Python's own.

    Raises:
        ConfigError: it is no such value, or out of range.
    """
    try:
        return fitted(hint, value)
    except Unfit as unfit:
        raise ConfigError(
            f"{name} is {shown_argument(value)}, expected {unfit}", options=options
        ) from None


def _hint(annotation: Hint, module: dict[str, Value]) -> Hint:
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, module)
    except (NameError, AttributeError):  # of a name that is imported for type checkers alone
        return Any
