"""Keyboards of the C library in threads, sanitized, and for long: `tests/helpers/keyboards.c`."""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from boards import keys_of, pixels
from traces import trace

import edgectc
from edgectc.core.errors import InputError
from edgectc.decoding.search import compiled
from edgectc.formats import layouts
from edgectc.runtime.keyboard import Keyboard

ROOT = Path(__file__).parents[2]
BUNDLE = ROOT / "models" / "swipe-en"
FILES = [BUNDLE / "artifacts" / "swipe-en-int8-dynamic.edgectc", BUNDLE / "lexicon.trie",
         BUNDLE / "words.lm"]  # fmt: skip
WORDS = "the hello keyboard possibilities want a see tomorrow".split()
build = runpy.run_path(str(ROOT / "native" / "build.py"))

Host = Callable[..., list[str]]


def host(tmp_path: Path, *flags: str) -> Host:
    """The program, built with some flags: threads, swipes -> lines that it prints."""
    if not shutil.which("gcc") or not Path("/proc/self/smaps_rollup").is_file():
        pytest.skip("needs gcc and Linux's /proc")
    program = tmp_path / "keyboards"
    sources = [
        ROOT / "tests" / "helpers" / "keyboards.c",
        *build["sources"](beam=False, network=True),
    ]
    made = ["gcc", "-std=gnu11", "-pthread", *build["flags"]()[1:], *flags, "-o", str(program)]
    done = subprocess.run([*made, *map(str, sources), "-lm"], capture_output=True, text=True)
    if "-fsanitize=thread" in flags and "cannot find" in done.stderr:
        pytest.skip("this gcc has no thread sanitizer")
    assert done.returncode == 0, done.stderr

    def run(threads: int, swipes: int) -> list[str]:
        text = "\n".join("".join(f"{x} {y} {t}\n" for x, y, t in trace(w).tolist()) for w in WORDS)
        command = [
            str(program),
            *map(str, FILES),
            str(tmp_path / "words"),
            str(threads),
            str(swipes),
        ]
        environment = {**os.environ, "TSAN_OPTIONS": "halt_on_error=1"}
        ran = subprocess.run(
            command, input=text + "\n", env=environment, capture_output=True, text=True
        )
        assert ran.returncode == 0, (ran.stdout[-500:], ran.stderr[-3000:])
        return ran.stdout.splitlines()

    return run


def check_words(lines: list[str]) -> None:
    recognizer = edgectc.load(FILES[0])
    wanted = [recognizer(trace(word))[0].text for word in WORDS]
    got = lines[: len(WORDS)]
    assert (
        sum(a == b for a, b in zip(got, wanted, strict=True)) >= len(WORDS) - 2
    )  # contexts differ


@pytest.mark.slow
def test_eight_keyboards_share_their_files_under_the_thread_sanitizer(tmp_path: Path) -> None:
    lines = host(tmp_path, "-O1", "-g", "-fsanitize=thread")(8, 25)
    check_words(lines)
    assert lines[-1].startswith("cancelled ")


RACE = """
#include <pthread.h>
static int held;
static void *run(void *given) { (void)given; for (int i = 0; i < 100000; i++) held++; return 0; }
int main(void) {
  pthread_t thread;
  pthread_create(&thread, 0, run, 0);
  run(0);
  return pthread_join(thread, 0);
}
"""


@pytest.mark.slow
def test_the_thread_sanitizer_finds_a_race(tmp_path: Path) -> None:
    (tmp_path / "x.c").write_text(RACE, encoding="ascii")
    made = [
        "gcc",
        "-pthread",
        "-O1",
        "-fsanitize=thread",
        "-o",
        str(tmp_path / "x"),
        str(tmp_path / "x.c"),
    ]
    if not shutil.which("gcc") or subprocess.run(made, capture_output=True).returncode:
        pytest.skip("needs gcc and its thread sanitizer")
    done = subprocess.run([str(tmp_path / "x")], capture_output=True, text=True)
    assert done.returncode != 0
    assert "data race" in done.stderr


@pytest.mark.slow
def test_memory_is_flat_over_many_swipes(tmp_path: Path) -> None:
    lines = host(tmp_path)(1, 10_000)
    check_words(lines)
    _, early, late = lines[len(WORDS)].split()
    # Kilobytes. What is held is the same to the byte, time and again; 4 bytes a swipe are 72.
    assert 0 < int(early)
    assert int(late) <= int(early) + 64, lines


@pytest.mark.skipif(compiled.library() is None, reason="needs the compiled library")
def test_a_swipe_is_cancelled_from_another_thread() -> None:
    board = Keyboard(FILES[0], keys=keys_of(layouts.shipped("qwerty")))
    points, ended = pixels(trace("possibilities")), threading.Event()
    reasons: list[str] = []

    def run() -> None:
        while not ended.is_set():
            try:
                board.swipe(points)
            except InputError as error:
                reasons.append(error.reason)

    assert not board.cancel()  # nothing runs
    thread = threading.Thread(target=run)
    thread.start()
    told, deadline = 0, time.monotonic() + 30
    while told < 3 and time.monotonic() < deadline:
        told += board.cancel()
        time.sleep(0.0003)
    ended.set()
    thread.join()
    assert told >= 3
    assert reasons == ["cancelled"] * told
    assert board.swipe(points)[0].text == "possibilities"  # the next one is not
