"""A power cut leaves the old file or the new one, on a disk that keeps only what it promised."""

from __future__ import annotations

import os
import shutil
import textwrap
from pathlib import Path

import power
import pytest

from edgectc.core import staging
from edgectc.core.staging import staged_folder, write_bytes
from edgectc.language.user_dictionary import UserDictionary

needs_strace = pytest.mark.skipif(not shutil.which("strace"), reason="no strace here")

START = """
from pathlib import Path
import edgectc
from edgectc.core import staging
from edgectc.core.staging import staged, staged_folder, staged_writer, write_bytes
path = Path({path!r})
"""
TWICE = "staging._exchanged = lambda one, other: False\n"
FOLDER = """
with staged_folder(path) as made:
    write_bytes(made / "inner" / "a", b"one")
    (made / "b").write_bytes(b"two")
    (made / "empty").mkdir()
"""
DICTIONARY = """
words = edgectc.UserDictionary()
words.add("one")
words.save(path)
"""
KEYBOARD = """
from edgectc.runtime.keyboard import Keyboard
keyboard = Keyboard(context=False)
keyboard.teach("one")
keyboard.save(path)
"""
WRITERS = {
    "file": "write_bytes(path, b'new')",
    "stream": "with staged_writer(path) as file:\n    file.write(b'n')\n    file.write(b'ew')",
    "folder": FOLDER,
    "folder, in two renames": TWICE + FOLDER,
    "user dictionary": DICTIONARY,
    "words of a keyboard": KEYBOARD,
}


def _prepare(name: str, path: Path) -> None:
    if "folder" in name:
        with staged_folder(path) as made:
            (made / "old").write_text("old")
    elif name in ("user dictionary", "words of a keyboard"):
        UserDictionary().save(path)
    else:
        write_bytes(path, b"old")


def _states(script: str, folder: Path, path: Path) -> tuple[set[object], set[object], set[object]]:
    start = START.format(path=str(path))
    before, after, during, finally_ = power.states(start + textwrap.dedent(script), folder, path)
    assert before != after
    return {before, after}, {*during}, {*finally_} - {after}


@needs_strace
@pytest.mark.parametrize("old", [True, False], ids=["replaced", "first"])
@pytest.mark.parametrize("name", WRITERS)
def test_old_or_new_and_new_once_it_is_told(name: str, old: bool, tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    if old:
        _prepare(name, folder / "x")
    whole, during, otherwise = _states(WRITERS[name], folder, folder / "x")
    assert during <= whole
    assert not otherwise


@needs_strace
@pytest.mark.parametrize("name", ["file", "folder"])
def test_the_names_of_new_parent_folders_are_on_disk_too(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    whole, during, otherwise = _states(WRITERS[name], folder, folder / "a" / "b" / "x")
    assert during <= whole
    assert not otherwise


UNSAFE = {
    "nothing is synced": """
        path.with_name('y').write_bytes(b'new')
        path.with_name('y').rename(path)
        """,
    "written in place": "path.write_bytes(b'new'); staging._sync(path); staging._sync(path.parent)",
    "the file is synced too late": """
        path.with_name('y').write_bytes(b'new')
        path.with_name('y').rename(path)
        staging._sync(path)
        staging._sync(path.parent)
        """,
    "its folder is not synced": """
        path.with_name('y').write_bytes(b'new')
        staging._sync(path.with_name('y'))
        path.with_name('y').rename(path)
        """,
    "written on after the sync": """
        with path.with_name('y').open('wb') as file:
            file.write(b'ne')
            file.flush()
            staging._sync(path.with_name('y'))
            file.write(b'w')
        path.with_name('y').rename(path)
        staging._sync(path.parent)
        """,
}


@needs_strace
@pytest.mark.parametrize("name", UNSAFE)
def test_a_writer_that_is_not_safe_is_found(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    write_bytes(folder / "x", b"old")
    whole, during, otherwise = _states(UNSAFE[name], folder, folder / "x")
    assert otherwise or not during <= whole


def test_the_order_where_calls_cannot_be_traced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    sync, replace, swap = staging._sync, os.replace, staging._swap

    def synced(path: Path) -> None:
        seen.append(f"sync {path.name}")
        sync(path)

    def replaced(one: Path, other: Path) -> None:
        seen.append(f"rename {other.name}")
        replace(one, other)

    def swapped(one: Path, other: Path, aside: Path) -> None:
        seen.append(f"rename {other.name}")
        swap(one, other, aside)

    monkeypatch.setattr(staging, "_sync", synced)
    monkeypatch.setattr(staging, "_swap", swapped)
    monkeypatch.setattr(os, "replace", replaced)
    write_bytes(tmp_path / "x", b"new")
    assert seen == ["sync .x.edgectc-new", "rename x", f"sync {tmp_path.name}"]
    seen.clear()
    with staged_folder(tmp_path / "y") as made:
        (made / "a").write_bytes(b"new")
    assert seen == ["sync a", "sync .y.edgectc-new", "rename y", f"sync {tmp_path.name}"]
    seen.clear()
    UserDictionary().save(tmp_path / "z")
    assert seen == ["sync .z.edgectc-new", "rename z", f"sync {tmp_path.name}"]
