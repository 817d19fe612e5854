"""What is said to people on standard error, beside the output."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

_level = 0


def level() -> int:
    """Return how much is said: -1 errors and warnings alone, 0 as usual, 1 of tool chains too."""
    return _level


@contextmanager
def spoken(level: int) -> Iterator[None]:
    """Say more or less for a while, see `level`."""
    global _level
    before, _level = _level, level
    try:
        yield
    finally:
        _level = before


def say(text: str, *, end: str = "\n", always: bool = False) -> None:
    """Print to standard error; where nobody can read it, what is done goes on all the same.

    Args:
        text: what to say.
        end: printed after it.
        always: an error or a warning, which are said even if nothing else is.
    """
    if _level < 0 and not always:
        return
    try:
        print(text, end=end, file=sys.stderr, flush=True)
    except OSError:
        drop(sys.stderr)


def warn(text: str) -> None:
    """Say a warning, which `--quiet` does not silence.

    Args:
        text: what to say after "edgectc: warning: ".
    """
    say(f"edgectc: warning: {text}", always=True)


def drop(stream: TextIO) -> None:
    """Let what is printed to a standard stream vanish, as it cannot be written any more."""
    with open(os.devnull, "wb") as sink:
        os.dup2(sink.fileno(), stream.fileno())
