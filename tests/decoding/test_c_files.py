"""The C files elsewhere: under sanitizers, and compiled for the hosts that share them."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgectc.decoding.search import compiled

NATIVE = Path(__file__).parents[2] / "native"
build = runpy.run_path(str(NATIVE / "build.py"))
SOURCES = build["sources"](beam=True)
INCLUDE = [flag for flag in build["flags"]() if flag.startswith("-I")]
CASES = 10_000

FUZZ = """
import sys
from pathlib import Path
import numpy as np
from edgectc.decoding.search import compiled
compiled.LIBRARY = Path(sys.argv[1])
from edgectc import UserDictionary, make_decoder
rng = np.random.default_rng(0)
letters, cases = list("abcdefg"), int(sys.argv[2])
tokens, done = [*letters, "<blank>"], 0
while done < cases:
    words = {"".join(rng.choice(letters, rng.integers(1, 9))) for _ in range(rng.integers(1, 200))}
    user = UserDictionary()
    made = make_decoder(
        "lexicon", tokens=tokens, blank_id=7, dictionary=user,
        lexicon={word: float(rng.normal(-8, 3)) for word in sorted(words)},
        letter_score=float(rng.choice([0.0, 1.2, -1.0])), beam_size=int(rng.integers(1, 50)),
        acoustic_scale=float(rng.choice([1.0, 0.6])), budget=int(rng.choice([1, 20, 20_000])),
        unknown_score=[None, -2.0][int(rng.integers(2))], unknown_letter_score=-2.0,
    )
    assert made.backend == "native"
    for case in range(50):
        if case % 10 == 0:
            user.add("".join(rng.choice(letters, rng.integers(1, 12))))
        T = int(rng.integers(1, 40))
        logits = rng.normal(0.0, float(rng.choice([0.1, 2.0, 30.0])), (T, 8))
        logits[rng.random(logits.shape) < 0.1] = -np.inf
        logits[:, 7] = np.maximum(logits[:, 7], -50.0)
        values = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
        made(values, nbest=int(rng.integers(1, 30)), partial=bool(rng.random() < 0.2))
        done += 1
print("decoded", done)
"""


@pytest.mark.slow
def test_10_000_decodings_under_address_and_undefined_behaviour_sanitizers(tmp_path: Path) -> None:
    gcc = shutil.which("gcc")
    if not gcc:
        pytest.skip("no gcc")
    library = tmp_path / "checked.so"
    flags = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-O1", "-g"]
    command = [gcc, "-std=c11", "-shared", "-fPIC", *INCLUDE, *flags, "-o", str(library)]
    command += [*SOURCES, "-lm"]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("this gcc has no sanitizers")
    runtime = [
        subprocess.run([gcc, f"-print-file-name={name}"], capture_output=True, text=True).stdout
        for name in ("libasan.so", "libubsan.so")
    ]
    environment = {
        **os.environ,
        "LD_PRELOAD": " ".join(path.strip() for path in runtime),
        "ASAN_OPTIONS": "detect_leaks=0",  # of the interpreter
    }
    done = subprocess.run(
        [sys.executable, "-c", FUZZ, str(library), str(CASES)],
        capture_output=True, text=True, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split()[-1] == str(CASES)


HOSTS = {
    "wasm32": ["clang-14", "--target=wasm32-wasi", "-c"],
    # The NDK is not needed to compile: the few declarations are the same in Debian's headers.
    "aarch64 Android": [
        "clang-14",
        "--target=aarch64-linux-android24",
        "-fPIC",
        "-c",
        "-isystem",
        "/usr/aarch64-linux-gnu/include",
    ],
    "aarch64 Linux": ["aarch64-linux-gnu-gcc", "-fPIC", "-c"],
    # Nothing is done in line, so that every call shows.
    "this machine": ["cc", "-fPIC", "-c", "-fno-builtin"],
}


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("source", SOURCES, ids=lambda path: Path(path).name)
def test_compiles_for(host: str, source: str, tmp_path: Path) -> None:
    compiler, *flags = HOSTS[host]
    if not shutil.which(compiler):
        pytest.skip(f"{compiler} is not installed")
    command = [compiler, *flags, *INCLUDE, "-std=c11", "-O2", "-Werror"]
    command += ["-o", str(tmp_path / "x.o"), source]
    done = subprocess.run(command, capture_output=True, text=True)
    if "file not found" in done.stderr:
        pytest.skip(f"no C headers for {host}")
    assert done.returncode == 0, done.stderr
    symbols = subprocess.run(["nm", "-u", str(tmp_path / "x.o")], capture_output=True, text=True)
    if host != "wasm32" and symbols.returncode == 0:
        needed = {line.split()[-1] for line in symbols.stdout.splitlines()}
        # Our own, and what every C library has; no files, no printing, no locale, no threads.
        needed = {name for name in needed if not name.startswith(("edgectc_", "__cpu_"))}
        allowed = {"malloc", "calloc", "realloc", "free", "memset", "memcpy", "memmove", "memcmp",
                   "strlen", "strcmp", "strcpy", "strcspn", "strpbrk", "qsort", "exp", "log",
                   "log1p", "expm1", "sqrt", "nextafterf", "fabs", "fmin", "floor", "rint",
                   "_GLOBAL_OFFSET_TABLE_"}  # fmt: skip
        assert needed <= allowed


def test_the_table_of_options_is_made_of_the_decoders_options() -> None:
    header = (NATIVE / "src" / "options.h").read_text(encoding="ascii")
    assert header == build["options_header"](), "run: python native/build.py options"


def test_the_library_shows_the_api_and_nothing_else() -> None:
    """What is exported, what the headers declare and what Python calls are one list."""
    if not shutil.which("nm") or compiled.library() is None:
        pytest.skip("needs nm and the compiled search")
    command = ["nm", "-D", "--defined-only", str(compiled.LIBRARY)]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    exported = {line.split()[-1] for line in listed.splitlines()}
    declared = {f"edgectc_{name}" for name in compiled.FUNCTIONS}
    assert exported - {"_init", "_fini"} == declared
    text = (NATIVE / "include" / "edgectc.h").read_text(encoding="ascii")
    header = set(re.findall(r"\b(edgectc_\w+)\(", text))
    assert header == {name for name in declared if not name.startswith("edgectc_beam_")}
    assert f"#define EDGECTC_ABI {compiled.ABI} " in text
    assert compiled.library().edgectc_abi() == compiled.ABI


def test_every_source_is_on_the_one_list_and_every_host_reads_it() -> None:
    on_disk = {str(path.relative_to(NATIVE.parent)) for path in NATIVE.rglob("*.c")}
    listed = build["read"]()
    assert {*listed["engine"], *listed["beam"]} == on_disk
    root = NATIVE.parent
    for host in ("web_demo/build.mjs", "android_demo/native/CMakeLists.txt"):
        text = (root / host).read_text(encoding="utf-8")
        assert "build.json" in text
        assert "fno-math-errno" not in text
    tools = (root / "android_demo/tools/native.py").read_text(encoding="utf-8")
    assert "build.py" in tools
    assert "fno-math-errno" not in tools
