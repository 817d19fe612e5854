"""Keeping the chatter of other people's tool chains away from the user.

Their errors still come as exceptions; only logs, warnings and prints are held back.
"""

from __future__ import annotations

import io
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back warnings, log records up to ERROR, and what Python prints to standard output."""
    previous = logging.root.manager.disable
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        logging.disable(logging.ERROR)
        try:
            yield
        finally:
            logging.disable(previous)


@contextmanager
def silent_stderr() -> Iterator[None]:
    """Hold back what native code writes to standard error, which Python's logging cannot reach."""
    sys.stderr.flush()
    saved = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
