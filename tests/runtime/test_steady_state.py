"""A keyboard that has warmed up asks for no memory, whatever is swiped or tapped."""

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


def test_a_warm_keyboard_asks_for_no_memory(tmp_path: Path) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if sys.platform != "linux" or platform.libc_ver()[0] != "glibc" or not compiler:
        pytest.skip("needs glibc and a C compiler")
    library = compiled.LIBRARY
    command = [compiler, "-std=c11", "-O1", f"-I{ROOT / 'native' / 'include'}", str(HOST)]
    command += [str(library), f"-Wl,-rpath,{library.parent}", "-o", str(tmp_path / "host")]
    subprocess.run(command, check=True)
    done = subprocess.run(
        [str(tmp_path / "host"), *map(str, FILES)], input=_swipes(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    asked = {name: int(n) for name, n in map(str.split, done.stdout.splitlines())}
    assert asked.pop("opening") > 10, "the host counts nothing"
    strokes = asked.pop("strokes")
    assert asked == dict.fromkeys(("swipe", "moving", "tap", "tapping", "complete"), 0)
    assert strokes < len(WORDS), "more than searches too hard for the memory that stays"
