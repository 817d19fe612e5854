"""FlorisBoard's glide typing by edgectc: one file of Kotlin over the Android library."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import numpy as np
import packages
import pytest

import edgectc
from edgectc.formats import layouts

ROOT = Path(__file__).parents[2]
ADAPTER = ROOT / "native" / "florisboard" / "EdgectcGlideClassifier.kt"
FAKES = ROOT / "tests" / "helpers" / "florisboard"
JAVA = ROOT / "native" / "java" / "src" / "org" / "edgectc"
BUNDLE = ROOT / "models" / "swipe-en"
FILES = [
    BUNDLE / "artifacts" / "swipe-en-int8-dynamic.edgectc",
    BUNDLE / "lexicon.trie",
    BUNDLE / "words.lm",
]


def _compiler() -> list[str]:
    """Return the command of a Kotlin compiler; skip where there is none."""
    found = os.environ.get("KOTLINC") or shutil.which("kotlinc")
    if not found:
        pytest.skip("needs a Kotlin compiler: $KOTLINC, or kotlinc of Debian's package kotlin")
    return shlex.split(found)


def test_the_library_has_what_the_adapter_calls() -> None:
    text, java = ADAPTER.read_text("utf-8"), (JAVA / "Keyboard.java").read_text("utf-8")
    called = set(re.findall(r"\b(?:held|keyboard\??)\.(\w+)\(", text))
    assert called == {"before", "swipe", "moving", "place", "close"}
    for name in called:
        assert re.search(rf"public synchronized [\w<>]+ {name}\(", java), name


@pytest.mark.slow
def test_florisboards_gestures_are_words(tmp_path: Path) -> None:
    compiler = _compiler()
    packages.java(tmp_path, tmp_path)
    sources = [str(ADAPTER), *map(str, sorted(FAKES.glob("*.kt")))]
    whole = [*compiler, "-cp", str(tmp_path), "-include-runtime", "-d", str(tmp_path / "made.jar")]
    built = subprocess.run([*whole, *sources], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr[-3000:]
    points = (edgectc.sample() * [1080, 480, 1]).astype(np.float32)  # as positions are there
    points = np.floor(points, out=points, where=[False, False, True]).astype(np.float64)
    lines = "".join(f"{x!r} {y!r} {t!r}\n" for x, y, t in points.tolist())
    path = f"{tmp_path}{os.pathsep}{tmp_path / 'made.jar'}"
    command = ["java", f"-Djava.library.path={tmp_path}", "-cp", path, "MainKt", *map(str, FILES)]
    done = subprocess.run(command, input=lines, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    keyboard, size = edgectc.Keyboard(FILES[0]), (1080, 480, 1080, 480)
    keys = packages.board(layouts.shipped("qwerty"))
    keyboard.place([(key, *np.multiply(box, size).tolist()) for key, *box in keys])
    keyboard.before("")
    assert told["swipe"].split() == [one.text for one in keyboard.swipe(points)]
    assert told["at once"].split()[0] == told["swipe"].split()[0]
    assert told["moving"].split() == [one.text for one in keyboard.swipe(points, moving=True)]
    keyboard.before("I want to ")
    assert told["in context"].split() == [one.text for one in keyboard.swipe(points)]
    assert told["in context"] != told["swipe"]
    assert told["too early"] == told["cleared"] == told["nothing"] == ""
    ready = (told["without keys"], told["with keys"], told["another language"])
    assert ready == ("false", "true", "false")
    assert told["opened"] == "1"
