"""Files and folders are written whole or not at all, by one writer, and a kill leaves nothing."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path

import kills
import pytest

from edgectc.core import staging
from edgectc.core.errors import ConfigError, WriteError
from edgectc.core.staging import (
    claimed,
    recover,
    scratch,
    staged,
    staged_folder,
    sweep,
    temporaries,
    write_bytes,
)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    write_bytes(path, b"old")

    def fail() -> None:
        with staged(path) as temporary:
            temporary.write_bytes(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.bin"]


def test_a_failed_folder_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    _folder(tmp_path / "x", "old")

    def fail() -> None:
        with staged_folder(tmp_path / "x") as temporary:
            (temporary / "a").write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert (tmp_path / "x" / "a").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_folders_are_made_and_permissions_are_those_of_a_plain_write(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "x.bin"
    write_bytes(path, b"new")
    (tmp_path / "plain").write_bytes(b"")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize("write", [staged, staged_folder])
def test_only_a_file_is_replaced_by_a_file(write: Callable, tmp_path: Path) -> None:
    """Root who names /dev/null as output would else replace the device for the whole machine."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "file").write_text("old")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(pipe)
    other = "file" if write is staged_folder else "folder"
    for name, kind in {"pipe": "pipe", "link": "pipe", other: "directory|plain file"}.items():
        before = os.lstat(tmp_path / name)
        with (
            pytest.raises(WriteError, match=f"it is a (?:{kind}), expected a"),
            write(tmp_path / name),
        ):
            pytest.fail("the work was done in vain")
        assert os.path.samestat(before, os.lstat(tmp_path / name))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder", "link", "pipe"]


@pytest.mark.parametrize("write", [staged, staged_folder])
def test_standard_output_is_no_file(
    write: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WriteError, match="standard output"), write("-"):
        pytest.fail("the work was done in vain")
    assert [*tmp_path.iterdir()] == []


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_a_link_stays_and_what_it_points_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "x").symlink_to(tmp_path / "real" / "y")
    write_bytes(tmp_path / "x", b"new")
    assert (tmp_path / "x").is_symlink()
    assert (tmp_path / "real" / "y").read_bytes() == b"new"


def test_another_writer_is_told(tmp_path: Path) -> None:
    path, told = tmp_path / "x", list[str]()

    def write() -> None:
        try:
            with staged(path):
                pass
        except ConfigError as error:
            told.append(str(error))

    with claimed(path):
        other = threading.Thread(target=write)
        other.start()
        other.join()
        script = f"from edgectc.core.staging import staged\nwith staged({str(path)!r}): pass"
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
        with staged(path) as temporary:  # who holds it may write it
            temporary.write_bytes(b"mine")
    assert "is being written by another process; wait for its end" in told[0]
    assert told[0] in done.stderr
    assert path.read_bytes() == b"mine"
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_small_files_of_many_writers_are_written_one_after_the_other(tmp_path: Path) -> None:
    path, errors = tmp_path / "x", list[Exception]()

    def write(number: int) -> None:
        try:
            for _ in range(20):
                write_bytes(path, str(number).encode() * 1000)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=[n]) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(set(path.read_bytes())) == 1
    assert path.stat().st_size == 1000
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_holds_nothing_of_its_parents(tmp_path: Path) -> None:
    with claimed(tmp_path / "x"):
        child = multiprocessing.get_context("fork").Process(target=_claim, args=[tmp_path / "x"])
        child.start()
        child.join()
    assert child.exitcode == 3


def _claim(path: Path) -> None:
    try:
        with claimed(path):
            pass
    except ConfigError:
        os._exit(3)


def test_sweep_clears_what_the_dead_left_and_leaves_what_the_living_write(tmp_path: Path) -> None:
    _killed(tmp_path, "with staged_folder(place / 'dead') as f: (f / 'a').touch(); kill()")
    _killed(tmp_path, "with staged(place / 'gone') as f: f.touch(); kill()")
    assert len([*tmp_path.iterdir()]) == 4
    with staged_folder(tmp_path / "alive") as temporary:
        (temporary / "a").write_text("new")
        sweep(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["alive"]
    assert (tmp_path / "alive" / "a").read_text() == "new"


def test_temporary_folders_of_the_dead_are_removed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    _killed(tmp_path, "import tempfile; tempfile.tempdir = str(place)\nwith scratch(): kill()")
    assert len([*tmp_path.iterdir()]) == 2
    with scratch() as folder, scratch() as another:
        assert folder.is_dir()
        assert another.is_dir()
        assert folder != another
        assert len([*tmp_path.iterdir()]) == 4
    assert [*tmp_path.iterdir()] == []


def test_a_folder_that_cannot_be_given_back_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(final: Path) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / ".x.edgectc-old").mkdir()
    monkeypatch.setattr(staging, "_restore", refuse)
    with pytest.raises(ConfigError, match=r"rename .*\.x\.edgectc-old to it"):
        recover(tmp_path / "x")


def test_temporary_files_of_others_are_gone_with_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with temporaries():
        forgotten = Path(tempfile.mkdtemp())
        with scratch() as inner:
            assert inner.parent == forgotten.parent
    assert [*tmp_path.iterdir()] == []
    assert tempfile.gettempdir() == str(tmp_path)


def test_threads_share_the_place_of_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    first_is_in, second_is_in, first_is_out = (threading.Event() for _ in range(3))
    seen: list[bool] = []

    def first() -> None:
        with temporaries():
            first_is_in.set()
            second_is_in.wait(10)
        first_is_out.set()

    def second() -> None:
        first_is_in.wait(10)
        with temporaries():
            made = Path(tempfile.mkdtemp())
            second_is_in.set()
            first_is_out.wait(10)
            seen.append(made.exists())
            seen.append(Path(tempfile.mkdtemp()).parent == made.parent)

    threads = [threading.Thread(target=target) for target in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [True, True]
    assert tempfile.gettempdir() == str(tmp_path)
    assert [*tmp_path.iterdir()] == []


WRITES: dict[str, Callable[[Path], None]] = {
    "file": lambda place: write_bytes(place / "x", b"new"),
    "folder": lambda place: _folder(place / "x", "new"),
    "scratch": lambda place: _scratch(place),
}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("exchange", [True, False], ids=["exchange", "two renames"])
@pytest.mark.parametrize("old", [True, False], ids=["replaced", "first"])
@pytest.mark.parametrize("write", WRITES)
def test_killed_at_any_event(
    write: str, old: bool, exchange: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not exchange:
        monkeypatch.setattr(staging, "_exchanged", lambda one, other: False)

    def prepare(place: Path) -> None:
        if old and write == "file":
            write_bytes(place / "x", b"old")
        elif old and write == "folder":
            _folder(place / "x", "old")

    def read(place: Path) -> str:
        recover(place / "x")
        if write == "folder" and (place / "x").exists():
            assert sorted(p.name for p in (place / "x").iterdir()) == ["a", "b"]
            assert (place / "x" / "a").read_text() == (place / "x" / "b" / "c").read_text()
            return (place / "x" / "a").read_text()
        return (place / "x").read_text() if (place / "x").exists() else "absent"

    found = kills.at_every_event(WRITES[write], tmp_path, prepare=prepare, read=read)
    assert found.kills >= 6
    assert (found.lost, found.half_written, found.leftovers) == ([], [], [])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_kills_show_a_writer_that_is_not_safe(tmp_path: Path) -> None:
    def write(place: Path) -> None:
        (place / "x").write_bytes(b"ne")
        (place / "temporary").write_bytes(b"w")
        with (place / "x").open("ab") as file:
            file.write(b"w")
        (place / f"temporary-{os.getpid()}").touch()
        (place / "temporary").unlink()
        (place / f"temporary-{os.getpid()}").unlink()

    def prepare(place: Path) -> None:
        (place / "x").write_bytes(b"old")

    def read(place: Path) -> str:
        return (place / "x").read_text()

    found = kills.at_every_event(write, tmp_path, prepare=prepare, read=read)
    assert found.kills == 6
    assert [where.split()[0] for where in found.half_written] == ["1", "2"]
    assert [where.split()[0] for where in found.leftovers] == ["4", "5"]


def _folder(path: Path, text: str) -> None:
    with staged_folder(path) as temporary:
        write_bytes(temporary / "a", text.encode())
        write_bytes(temporary / "b" / "c", text.encode())


def _scratch(place: Path) -> None:
    with scratch() as folder:
        (folder / "a").mkdir()
        (folder / "a" / "b").write_text("x")


def _killed(place: Path, script: str) -> None:
    """Run a script that kills itself; ``place`` is a folder, ``kill()`` the end."""
    start = textwrap.dedent(
        f"""
        import os, signal
        from pathlib import Path
        from edgectc.core.staging import *
        from edgectc.core.staging import staged, staged_folder, scratch
        place, kill = Path({str(place)!r}), lambda: os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    done = subprocess.run([sys.executable, "-c", start + script])
    assert done.returncode == -signal.SIGKILL
