"""A clock that jumps changes nothing: neither what is recovered or swept nor what is cached."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import verbs
from names import ROOT

from edgectc.core.staging import claimed, recover, scratch, staged_folder, sweep, write_bytes
from edgectc.language.user_dictionary import UserDictionary

TIMES = [0.0, 1e9, 4e9]  # 1970, 2001, 2096: of files
CLOCKS = {  # seconds that the clock is off at each look
    "1970": "-now",
    "2100": "4.1e9 - now",
    "to and fro": "(1e9 if look % 2 else -1e9)",
    "backwards": "-1e5 * look",
}
# What tells the time of day: nothing in the package may ask it.
WALL = {
    "time.time", "time.time_ns", "time.localtime", "time.gmtime", "time.strftime",
    "datetime.now", "datetime.utcnow", "date.today",
    "st_mtime", "st_ctime", "st_atime", "st_mtime_ns", "os.path.getmtime", "os.path.getctime",
}  # fmt: skip


def _asked(source: str) -> set[str]:
    """The clocks and times of files that a source asks."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            text = ast.unparse(node)
            found |= {name for name in WALL if text == name or text.endswith(f".{name}")}
    return found


def test_no_module_asks_the_time_of_day_or_of_a_file() -> None:
    asked = {
        str(path.relative_to(ROOT)): found
        for path in sorted((ROOT / "edgectc").rglob("*.py"))
        if (found := _asked(path.read_text(encoding="utf-8")))
    }
    assert asked == {}
    assert _asked("import time\nx = time.time()\ny = path.stat().st_mtime") == {
        "time.time",
        "st_mtime",
    }


def _age(folder: Path, time: float) -> None:
    for path in [folder, *folder.rglob("*")]:
        os.utime(path, (time, time), follow_symlinks=False)


def _killed(script: str) -> None:
    start = "import os\nfrom pathlib import Path\nfrom edgectc.core import staging\n"
    end = "\nkill = lambda: os.kill(os.getpid(), 9)\n"
    done = subprocess.run([sys.executable, "-c", start + end + script])
    assert done.returncode == -signal.SIGKILL


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("time", TIMES)
def test_what_the_dead_left_is_known_by_its_lock_and_not_by_its_age(
    time: float, tmp_path: Path
) -> None:
    with staged_folder(tmp_path / "x") as made:
        (made / "a").write_text("old")
    _killed(
        "staging._exchanged = lambda one, other: kill() if other.exists() else False\n"
        f"path = Path({str(tmp_path / 'y')!r})\n"
        "with staging.staged_folder(path) as f: (f / 'a').write_text('new')\n"
        "with staging.staged_folder(path) as f: (f / 'a').write_text('newer')\n"
    )
    (tmp_path / "x").rename(tmp_path / ".x.edgectc-old")
    (tmp_path / ".x.edgectc-lock").touch()
    with claimed(tmp_path / "z"):
        (tmp_path / ".z.edgectc-new").write_text("at work")
        _age(tmp_path, time)
        recover(tmp_path / "x")
        sweep(tmp_path)
        assert (tmp_path / "x" / "a").read_text() == "old"
        assert (tmp_path / "y" / "a").read_text() == "new"
        assert (tmp_path / ".z.edgectc-new").read_text() == "at work"
        (tmp_path / ".z.edgectc-new").unlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x", "y"]


@pytest.mark.parametrize("time", TIMES)
def test_temporary_folders_at_work_stay_whatever_their_age(
    time: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with scratch() as first:
        _age(tmp_path, time)
        with scratch() as second:
            assert first.is_dir()
            assert second.is_dir()


@pytest.mark.parametrize("time", TIMES)
def test_a_file_is_read_anew_whatever_its_time(time: float, tmp_path: Path) -> None:
    for words in (["one"], ["one", "two"]):
        dictionary = UserDictionary()
        for word in words:
            dictionary.add(word)
        dictionary.save(tmp_path / "user.json")
        _age(tmp_path, time)
        assert sorted(UserDictionary.read(tmp_path / "user.json")) == words
    write_bytes(tmp_path / "x", b"new")
    assert (tmp_path / "x").read_bytes() == b"new"


CLOCK = """
import itertools, runpy, sys, time
real, looks = time.time, itertools.count()
def jumping():
    look, now = next(looks), real()
    return max(0.0, now + {off})
time.time, time.time_ns = jumping, lambda: int(jumping() * 1e9)
sys.argv = ["edgectc", *sys.argv[1:]]
runpy.run_module("edgectc", run_name="__main__")
"""


@pytest.mark.parametrize("clock", CLOCKS)
def test_verbs_make_the_same_under_a_clock_that_jumps(clock: str, tmp_path: Path) -> None:
    verbs.prepare(tmp_path)
    names = ["lexicon build", "data synth"]
    lines = [verbs.WRITES[name] for name in names]
    for line, name in lines:
        arguments = verbs.command(line, tmp_path)[3:]
        script = CLOCK.format(off=CLOCKS[clock])
        made = tmp_path / "out" / name
        assert verbs.run(line, tmp_path).returncode == 0
        plain = made.read_bytes()
        made.unlink()
        done = subprocess.run(
            [sys.executable, "-c", script, *arguments], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert made.read_bytes() == plain
