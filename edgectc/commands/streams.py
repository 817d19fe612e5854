"""Standard streams that are closed, full or read no more, and letters that they cannot hold."""

from __future__ import annotations

import io
import os
import select
import sys

from edgectc.core import messages

UNREAD = 141  # 128 + SIGPIPE, as the shell has it for a command whose reader has left


def prepare() -> None:
    """Make the standard streams fit to be written to, whatever started this process.

    A closed one becomes the null device: the next file that is opened would take its number, and
    whatever is printed would be written there. A letter that standard output cannot hold is written
    as an escape.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
            os.set_inheritable(number, True)
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def finish(code: int) -> int:
    """Write what is still to be written; return the exit code, ``code`` if all was written."""
    try:
        sys.stdout.flush()
    except OSError as error:
        code = failed(error, code)
    messages.say("", end="")
    return code


def failed(error: OSError, code: int = 0) -> int:
    """Return the exit code after standard output could not be written; a code of a check stays.

    Args:
        error: of the write. Of a reader that has left nothing is said: it has read enough.
        code: of the verb.
    """
    left = isinstance(error, BrokenPipeError)
    messages.drop(sys.stdout)
    if not left:
        said = f"edgectc: error: standard output cannot be written: {error.strerror}"
        messages.say(said, always=True)
    return code or (UNREAD if left else 2)


def unread() -> bool:
    """Tell whether whoever read standard output has left."""
    if sys.platform == "win32":
        return True  # it has no such question
    poll = select.poll()
    poll.register(1, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
