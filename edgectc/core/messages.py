"""What is said to people on standard error, beside the output."""

from __future__ import annotations

import os
import sys
from typing import TextIO


def say(text: str, *, end: str = "\n") -> None:
    """Print to standard error; where nobody can read it, what is done goes on all the same."""
    try:
        print(text, end=end, file=sys.stderr, flush=True)
    except OSError:
        drop(sys.stderr)


def drop(stream: TextIO) -> None:
    """Let what is printed to a standard stream vanish, as it cannot be written any more."""
    with open(os.devnull, "wb") as sink:
        os.dup2(sink.fileno(), stream.fileno())
