"""Files as a keyboard of the C library reads them: mapped, without NumPy."""

from __future__ import annotations

import ctypes
import mmap
from pathlib import Path
from typing import TypeAlias

from edgectc.decoding.search.compiled import File

Bytes: TypeAlias = "bytes | mmap.mmap"


def mapped(path: Path) -> Bytes:
    """Return the bytes of a file, mapped; pages are shared, as nobody writes to them.

    Raises:
        OSError: it cannot be read.
        ValueError: it is empty.
    """
    with path.open("rb") as file:  # ctypes takes no address of a mapping that is for reading alone
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)


def of_library(data: Bytes) -> File:
    """Return bytes as the library takes them; hold them for as long as it reads."""
    if isinstance(data, bytes):
        text = ctypes.c_char_p(data)
        return File(ctypes.cast(text, ctypes.c_void_p), len(data)) if data else File()
    return File(ctypes.addressof(ctypes.c_char.from_buffer(data)), len(data))
