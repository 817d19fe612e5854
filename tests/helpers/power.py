"""What a power cut leaves: the calls of a process, seen by strace, on the worst of disks.

POSIX promises two things: after ``fsync`` of a file its bytes are on disk, and after ``fsync`` of a
folder the names in it are. All else may be there or not, though names change in their order.
`states` lists what a path can be after a cut at any moment.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_CALLS = (
    "openat,open,creat,mkdir,mkdirat,write,pwrite64,writev,sendfile,copy_file_range,ftruncate,"
    "fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,rmdir,link,linkat,symlink,symlinkat"
)
_CALL = re.compile(r"^\d+ +(\w+)\((.*)\) += (-?\d+)")
_PATH = re.compile(r'(?:(?:AT_FDCWD|\d+)<([^>]*)>, )?"([^"]*)"')  # of a folder that is open, a name
_OPEN = re.compile(r"^\d+<([^>]*)>")
_WRITES = {"write", "pwrite64", "writev", "sendfile", "copy_file_range", "ftruncate"}
_UNKNOWN = {"link", "linkat", "symlink", "symlinkat"}  # no writer of ours makes links


@dataclass(eq=False)
class Node:
    """A file or folder, whatever its name.

    Attributes:
        entries: of a folder, its names; None for a file.
        written: how often a file was written to.
        synced: how many of those writes are on disk.
    """

    entries: dict[str, Node] | None = None
    written: int = 0
    synced: int = 0

    def seen(self, *, after_cut: bool = False) -> object:
        """What a reader finds: the names below, and of a file who it is and what was written."""
        if self.entries is not None:
            named = {k: v.seen(after_cut=after_cut) for k, v in self.entries.items()}
            return tuple(sorted((k, v) for k, v in named.items() if ".edgectc-" not in k))
        whole = not after_cut or self.written == self.synced
        return (id(self), self.written) if whole else "torn"


@dataclass
class Change:
    """A name of a folder that becomes another node, or none."""

    places: list[tuple[Node, str, Node | None]]
    certain: set[int] = field(default_factory=set)  # ids of folders that were synced since


class Disk:
    """A folder, the changes to its names, and the syncs between them."""

    def __init__(self, folder: Path) -> None:
        self.path, self.root = folder, _read(folder)
        self._first = _copy(self.root)
        self._changes: list[Change] = []

    def node(self, path: str) -> Node | None:
        """Return what has a name now."""
        found: Node | None = self.root
        for part in Path(os.path.relpath(path, self.path)).parts:
            found = found.entries.get(part) if found and found.entries is not None else None
        return found

    def change(self, *paths: tuple[str, Node | None]) -> None:
        """Give each path a node, all in one step."""
        places = []
        for path, node in paths:
            folder = self.node(os.path.dirname(path))
            assert folder is not None, path
            assert folder.entries is not None, path
            places.append((folder, os.path.basename(path), node))
        for folder, name, node in places:
            _put(folder.entries, name, node)
        self._changes.append(Change(places))

    def sync(self, path: str) -> None:
        """Put a file's bytes, or a folder's names, on disk."""
        node = self.node(path)
        assert node is not None, path
        node.synced = node.written
        for change in self._changes:
            if any(folder is node for folder, _, _ in change.places):
                change.certain.add(id(node))

    def after_cuts(self, path: str) -> Iterator[object]:
        """Yield what a path can be if the power goes now."""
        for kept in range(len(self._changes) + 1):
            held = {id(node): dict(names) for node, names in self._first.items()}
            for number, change in enumerate(self._changes):
                for folder, name, node in change.places:
                    names = held.setdefault(id(folder), {})
                    if number < kept or id(folder) in change.certain:
                        _put(names, name, node)
            yield _found(self.root, held, Path(os.path.relpath(path, self.path)).parts)


def _found(node: Node, held: dict[int, dict[str, Node]], parts: tuple[str, ...]) -> object:
    """What a path is by the names on disk; a folder that was set aside gets its name back."""
    for index, part in enumerate(parts):
        names = held.get(id(node), {})
        if part not in names:
            aside = names.get(f".{part}.edgectc-old") if index == len(parts) - 1 else None
            if aside is None:
                return "absent"
            node = aside
        else:
            node = names[part]
    return _after(node, held)


def _after(node: Node, held: dict[int, dict[str, Node]]) -> object:
    if node.entries is None:
        return node.seen(after_cut=True)
    names = held.get(id(node), {})
    return tuple(
        sorted(
            (name, _after(below, held)) for name, below in names.items() if ".edgectc-" not in name
        )
    )


def _put(names: dict[str, Node] | None, name: str, node: Node | None) -> None:
    assert names is not None
    if node is None:
        names.pop(name, None)
    else:
        names[name] = node


def _read(path: Path) -> Node:
    if path.is_dir():
        return Node({entry.name: _read(entry) for entry in path.iterdir()})
    return Node()


def _copy(node: Node) -> dict[Node, dict[str, Node]]:
    """The names in each folder at and below a node."""
    found: dict[Node, dict[str, Node]] = {}
    if node.entries is not None:
        found[node] = dict(node.entries)
        for below in node.entries.values():
            found |= _copy(below)
    return found


def states(
    script: str, folder: Path, path: Path
) -> tuple[object, object, list[object], list[object]]:
    """Run a script of Python and return what ``path`` is, and what power cuts make of it.

    Returns:
        What it was before; what it is afterwards; what it can be after a cut while the script
        runs; what it can be after a cut when it has ended.
    """
    disk = Disk(folder)
    node = disk.node(str(path))
    before = node.seen() if node else "absent"
    during = [*disk.after_cuts(str(path))]
    for name, arguments in calls(script, folder):
        _replay(disk, name, arguments)
        during += disk.after_cuts(str(path))
    node = disk.node(str(path))
    after = node.seen() if node else "absent"
    return before, after, during, [*disk.after_cuts(str(path))]


def calls(script: str, folder: Path) -> list[tuple[str, str]]:
    """Run a script and return the calls that name the folder: each with its arguments as text."""
    log = folder.with_name(f"{folder.name}.strace")
    command = ["strace", "-f", "-y", "-qq", "-s", "0", "-e", f"trace={_CALLS}", "-o", str(log)]
    subprocess.run([*command, sys.executable, "-c", script], check=True)
    found = (_CALL.match(line) for line in log.read_text(errors="replace").splitlines())
    return [(m[1], m[2]) for m in found if m and int(m[3]) >= 0 and f"{folder}" in m[2]]


def _replay(disk: Disk, name: str, arguments: str) -> None:
    assert name not in _UNKNOWN, f"{name} {arguments}"
    paths = [os.path.join(at, to) for at, to in _PATH.findall(arguments)]
    if name in ("open", "openat", "creat"):
        node = disk.node(paths[0])
        if node is None and ("O_CREAT" in arguments or name == "creat"):
            disk.change((paths[0], Node()))
        elif node is not None and "O_TRUNC" in arguments:
            node.written += 1
    elif name in ("mkdir", "mkdirat"):
        disk.change((paths[0], Node({})))
    elif name in ("unlink", "unlinkat", "rmdir"):
        disk.change((paths[0], None))
    elif "RENAME_EXCHANGE" in arguments:
        disk.change((paths[0], disk.node(paths[1])), (paths[1], disk.node(paths[0])))
    elif name.startswith("rename"):
        disk.change((paths[1], disk.node(paths[0])), (paths[0], None))
    elif match := _OPEN.match(arguments):
        node = disk.node(match[1])
        if name in _WRITES and node is not None:
            node.written += 1
        elif name in ("fsync", "fdatasync"):
            disk.sync(match[1])
