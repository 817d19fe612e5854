"""Copies of Android libraries that glibc's loader takes: names and versions changed, no code."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

SYMBOL_VERSIONS, NEEDED_VERSIONS = 0x6FFFFFFF, 0x6FFFFFFE  # section types
GLOBAL, WEAK = 1, 2
RENAMED = {"libc.so": "libc.so.6", "libm.so": "libm.so.6", "libdl.so": "libdl.so.2"}
REMOVED = ("liblog.so", "libandroid.so")


def patched(source: Path, out: Path) -> None:
    """Write a copy of a library to ``out``."""
    data = bytearray(source.read_bytes())
    for kind, offset, size in _sections(data):
        if kind == SYMBOL_VERSIONS:
            _forget(data, offset, size)
        elif kind == NEEDED_VERSIONS:
            _weaken(data, offset)
    out.write_bytes(data)
    for old, new in RENAMED.items():
        subprocess.run(["patchelf", "--replace-needed", old, new, str(out)], check=True)
    for name in REMOVED:
        subprocess.run(["patchelf", "--remove-needed", name, str(out)], check=True)


def _sections(data: bytearray) -> list[tuple[int, int, int]]:
    (table,) = struct.unpack_from("<Q", data, 0x28)
    entry, count = struct.unpack_from("<HH", data, 0x3A)
    heads = (struct.unpack_from("<IIQQQQ", data, table + i * entry) for i in range(count))
    return [(kind, offset, size) for _, kind, _, _, offset, size in heads]


def _forget(data: bytearray, offset: int, size: int) -> None:
    """Ask for no version of any symbol that has one."""
    for at in range(offset, offset + size, 2):
        (version,) = struct.unpack_from("<H", data, at)
        if version > GLOBAL:
            struct.pack_into("<H", data, at, GLOBAL)


def _weaken(data: bytearray, at: int) -> None:
    """Mark the versions that libraries must have as wishes."""
    while True:
        _, count, _, first, step = struct.unpack_from("<HHIII", data, at)
        entry = at + first
        for _ in range(count):
            _, _, _, _, follow = struct.unpack_from("<IHHII", data, entry)
            struct.pack_into("<H", data, entry + 4, WEAK)
            entry += follow
        if not step:
            return
        at += step


if __name__ == "__main__":
    patched(Path(sys.argv[1]), Path(sys.argv[2]))
