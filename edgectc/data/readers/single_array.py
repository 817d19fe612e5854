"""One recording in one ``.npy``, (T, C), or (T, P, 3) points, with no label: to try a model on.

Several recordings with labels are an `array_table`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from edgectc.core.errors import InputError
from edgectc.core.types import Recording
from edgectc.data.reading import Choices, signal

SUFFIX = ".npy"
CHOICES = ("points",)
BESIDE = False


def takes(path: Path) -> bool:
    """Return whether it is such a file."""
    return path.suffix == SUFFIX and path.is_file()


def rows(path: Path, how: Choices) -> Iterator[Recording | InputError]:
    """Yield the recording.

    Raises:
        InputError: the file cannot be read, reason ``unreadable_file``, or ``bad_shape``.
    """
    yield Recording(signal(path, how.points), name=path.stem)
