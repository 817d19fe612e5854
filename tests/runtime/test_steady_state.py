"""A warm keyboard asks for no memory, whatever is swiped or tapped, and holds little."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgectc.data.generators.swipes import swipe
from edgectc.decoding.search import compiled
from edgectc.formats import layouts

ROOT = Path(__file__).parents[2]
HOST = ROOT / "tests" / "helpers" / "steady_host.c"
BUNDLE = ROOT / "models" / "swipe-en"
FILES = [
    BUNDLE / "artifacts" / "swipe-en-int8-dynamic.edgectc",
    BUNDLE / "lexicon.trie",
    BUNDLE / "words.lm",
]
WORDS = (
    *("hello", "people", "tomorrow", "different", "keyboard", "the", "a", "of", "would", "their"),
    *("internationalization", "absolutely"),
)


def _swipes() -> str:
    """Return points of swipes in keys of 1 x 1, an empty line behind each."""
    layout, rng = layouts.shipped("qwerty"), np.random.default_rng(0)
    made = [(swipe(word, layout, rng) * [10.0, 3.0, 1.0]).tolist() for word in WORDS]
    return "".join("".join(f"{x!r} {y!r} {t!r}\n" for x, y, t in one) + "\n" for one in made)


def _built(source: Path, folder: Path) -> Path:
    """Return a program over the library that Python loads."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if sys.platform != "linux" or platform.libc_ver()[0] != "glibc" or not compiler:
        pytest.skip("needs glibc and a C compiler")
    library, program = compiled.LIBRARY, folder / "host"
    command = [compiler, "-std=c11", "-O1", f"-I{ROOT / 'native' / 'include'}", str(source)]
    command += [str(library), f"-Wl,-rpath,{library.parent}", "-o", str(program)]
    subprocess.run(command, check=True)
    return program


def test_a_keyboard_holds_less_than_12_mb(tmp_path: Path) -> None:
    """Its files are mapped; its own are bounds of the lexicon's nodes, and room to search in."""
    program, points = _built(ROOT / "bench" / "device.c", tmp_path), tmp_path / "points.txt"
    points.write_text(_swipes(), encoding="ascii")
    command = [str(program), *map(str, FILES), str(points), "20"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    held = next(int(line.split()[1]) for line in told.splitlines() if line.startswith("private"))
    assert 4_000 < held < 12_000


def test_a_warm_keyboard_asks_for_no_memory(tmp_path: Path) -> None:
    program = _built(HOST, tmp_path)
    done = subprocess.run(
        [str(program), *map(str, FILES)], input=_swipes(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    asked = {name: int(n) for name, n in map(str.split, done.stdout.splitlines())}
    assert asked.pop("opening") > 10, "the host counts nothing"
    strokes = asked.pop("strokes")
    assert asked == dict.fromkeys(("swipe", "moving", "tap", "tapping", "complete"), 0)
    assert strokes < len(WORDS), "more than searches too hard for the memory that stays"
