"""The library that stands before an AOSP-like keyboard's own, on this machine's Java."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import packages
import pytest

import edgectc

ROOT = Path(__file__).parents[2]
FAKES = ROOT / "tests" / "helpers" / "latinime"
BUNDLE = ROOT / "models" / "swipe-en"
MODEL = BUNDLE / "artifacts" / "swipe-en-int8-dynamic.edgectc"
FOUND = ("swipe", "in context", "again")
JAVA = shlex.split(os.environ.get("EDGECTC_JAVA", "java"))  # see scripts/check-latinime-arm64
TARGET = os.environ.get("EDGECTC_JAVA_TARGET", "")
OTHERS = ("taps", "other dictionary", "unknown keys", "one point")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        sys.platform != "linux" or not shutil.which("javac") or not shutil.which("cc"),
        reason="needs Linux, a JDK and a C compiler",
    ),
]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both libraries, and the classes of a host."""
    out = tmp_path_factory.mktemp("latinime")
    packages.latinime(out / "libjni_latinime.so", out / "libjni_latinime_host.so", TARGET)
    sources = [str(path) for path in FAKES.rglob("*.java")]
    subprocess.run(["javac", "-d", str(out / "classes"), *sources], check=True)
    return out


def _asked(built: Path, folder: Path, files: dict[str, Path]) -> tuple[int, dict[str, list[str]]]:
    """Return the exit code and what the host is told by way of a folder with these files."""
    folder.mkdir()
    for name in ("libjni_latinime.so", "libjni_latinime_host.so"):
        if (built / name).exists():
            shutil.copy2(built / name, folder / name)
    for name, path in files.items():
        shutil.copy2(path, folder / name)
    lines = "".join(f"{x * 1080} {y * 480} {t}\n" for x, y, t in edgectc.sample().tolist())
    command = [*JAVA, "-Xcheck:jni", "-cp", str(built / "classes"), "Main"]
    done = subprocess.run(
        [*command, str(folder / "libjni_latinime.so")], input=lines, capture_output=True, text=True
    )
    assert "WARNING in native method" not in done.stdout + done.stderr
    told = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)
    return done.returncode, {name: text.split() for name, text in told.items()}


def test_swipes_are_words_and_all_else_is_the_hosts(built: Path, tmp_path: Path) -> None:
    files = {
        "model.edgectc": MODEL,
        "lexicon.trie": BUNDLE / "lexicon.trie",
        "words.lm": BUNDLE / "words.lm",
    }
    code, told = _asked(built, tmp_path / "whole", files)
    assert code == 0
    pixels = np.floor(edgectc.sample() * [1080, 480, 1])  # as the host has them
    wanted = [one.text for one in edgectc.load(MODEL)(pixels / [1080, 480, 1])]
    assert told["registered"] == ["124"]  # each class has the host's other methods
    assert told["swipe"][0] == told["again"][0] == wanted[0]
    assert told["swipe"][:5] == wanted
    assert "UNSORTED" not in told["swipe"]
    assert told["in context"] != told["swipe"]
    assert {name: told[name] for name in OTHERS} == {key: ["host"] for key in OTHERS}


@pytest.mark.parametrize("broken", ["no model", "cut short", "no lexicon", "another lexicon"])
def test_whatever_fails_taps_go_on(built: Path, tmp_path: Path, broken: str) -> None:
    cut = tmp_path / "cut"
    cut.write_bytes(MODEL.read_bytes()[:-1000])
    files = {
        "no model": {},
        "cut short": {"model.edgectc": cut, "lexicon.trie": BUNDLE / "lexicon.trie"},
        "no lexicon": {"model.edgectc": MODEL},
        "another lexicon": {
            "model.edgectc": MODEL,
            "lexicon.trie": ROOT / "languages" / "de" / "lexicon.trie",
        },
    }[broken]
    code, told = _asked(built, tmp_path / "broken", files)
    assert code == 0
    answers = (*FOUND, *OTHERS)
    assert {name: told[name] for name in answers} == {key: ["host"] for key in answers}


def test_without_the_hosts_library_loading_fails_as_a_missing_library_does(
    built: Path, tmp_path: Path
) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy2(built / "libjni_latinime.so", alone)
    shutil.copytree(built / "classes", alone / "classes")
    code, told = _asked(alone, tmp_path / "nothing", {})
    assert code == 1
    assert not told


@pytest.mark.skipif(not shutil.which("readelf"), reason="needs readelf")
def test_the_library_for_arm64_shows_what_java_enters_by_and_nothing_else(tmp_path: Path) -> None:
    """No name of it meets one of the host's own library, which is loaded beside it."""
    library = str(packages.latinime_for_arm64(tmp_path / "made"))

    def told(*options: str) -> str:
        return subprocess.run(
            ["readelf", "-W", *options, library], capture_output=True, text=True, check=True
        ).stdout

    assert "AArch64" in told("-h")
    rows = [line.split() for line in told("--dyn-syms").splitlines() if re.match(r" *\d+:", line)]
    assert {row[7] for row in rows if len(row) > 7 and row[6] != "UND"} == {"JNI_OnLoad"}
    needed = {*re.findall(r"NEEDED.*\[(.*)\]", told("-d"))}
    assert needed == {"libc.so", "libm.so", "libdl.so"}
    steps = [int(line.split()[-1], 16) for line in told("-l").splitlines() if " LOAD " in line]
    assert min(steps) >= 16384  # pages of newer phones
