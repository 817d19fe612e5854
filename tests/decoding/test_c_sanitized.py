"""The C files under sanitizers: random decodings, damaged networks, tests of engine and beam.

gcc looks for bad addresses, clang for what is undefined by the letter of the standard too: a NULL
that takes part in a sum or is handed to ``memcpy``, a number that does not fit.
"""

from __future__ import annotations

import importlib.util
import os
import runpy
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HELPERS = ROOT / "tests" / "helpers"
build = runpy.run_path(str(ROOT / "native" / "build.py"))
INCLUDE = [flag for flag in build["flags"]() if flag.startswith("-I")]
CHECKS = {
    "gcc": "address,undefined,float-cast-overflow,float-divide-by-zero,bounds-strict",
    "clang": "undefined,pointer-overflow,nonnull-attribute,float-cast-overflow,"
    "float-divide-by-zero,local-bounds",
}
CASES = {"lexicon": 10_000, "beam": 10_000, "network": 10_000, "keyboard": 500}


def compiler(name: str) -> list[str] | None:
    """The command of a compiler; clang comes with the package ziglang, too."""
    if found := shutil.which(name):
        return [found]
    if name == "clang" and importlib.util.find_spec("ziglang"):
        return [sys.executable, "-m", "ziglang", "cc", "-fno-sanitize-trap=all"]
    return None


@pytest.fixture(scope="module", params=CHECKS)
def library(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, str]]:
    """The C library with checks in it, and the environment that it runs in."""
    command = compiler(request.param)
    if command is None:
        pytest.skip(f"no {request.param} here, nor the package ziglang")
    out = tmp_path_factory.mktemp("checked") / "checked.so"
    flags = [f"-fsanitize={CHECKS[request.param]}", "-fno-sanitize-recover=all", "-O1", "-g"]
    flags += [
        "-DBLOCK=1",
        "-DKEPT_BLOCKS=0",
    ]  # what is taken from a pool has bounds that are checked
    made = [*command, "-std=c11", "-shared", "-fPIC", *INCLUDE, *flags, "-o", str(out)]
    done = subprocess.run(
        [*made, *build["sources"](beam=True, network=True), "-lm"], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"this {request.param} has no sanitizers: {done.stderr[-300:]}")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(HELPERS)])}
    if request.param == "gcc":
        environment["LD_PRELOAD"] = " ".join(_runtimes(command[0]))
        environment["ASAN_OPTIONS"] = "detect_leaks=0"  # of the interpreter
    return out, environment


@cache
def _runtimes(gcc: str) -> list[str]:
    found = (
        subprocess.run([gcc, f"-print-file-name={name}"], capture_output=True, text=True).stdout
        for name in ("libasan.so", "libubsan.so")
    )
    return [path.strip() for path in found]


def _run(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{done.stdout[-1000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("what", CASES)
def test_random_decodings(library: tuple[Path, dict[str, str]], what: str) -> None:
    path, environment = library
    printed = _run([str(HELPERS / "c_fuzz.py"), str(path), what, str(CASES[what])], environment)
    assert printed.split()[-1] == str(CASES[what])


# Damaged files, refusals, contexts and streams, which random decodings do not come to.
TESTS = [
    "tests/decoding/test_engine.py",
    "tests/decoding/test_engine_binding.py",
    "tests/decoding/test_beam.py",
    "tests/decoding/test_golden.py",
    "tests/decoding/test_words_in_context.py",
    "tests/language/test_damaged_lexicon.py",
]


@pytest.mark.slow
def test_the_tests_of_the_engine_and_the_beam(library: tuple[Path, dict[str, str]]) -> None:
    path, environment = library
    environment = {**environment, "EDGECTC_TESTED_LIBRARY": str(path)}
    _run(["-m", "pytest", "-q", "-x", "-p", "other_library", *TESTS], environment)


OVERFLOWS = """
#include <stdlib.h>
#include <string.h>
__attribute__((visibility("default"))) long broken(int what, double value, long n) {
  char *none = NULL;
  if (what == 0) return (long)value;
  if (what == 1) return (none + n) != NULL;
  if (what == 2) memcpy(none, &value, (size_t)n);
  return 1L << n;
}
"""
FAULTS = {"a number that does not fit": (0, 1e300, 0), "NULL that is added to": (1, 0.0, 1),
          "NULL that is copied to": (2, 0.0, 0), "a shift too far": (3, 0.0, 64)}  # fmt: skip


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(name: str, fault: str, tmp_path: Path) -> None:
    command = compiler(name)
    if command is None:
        pytest.skip(f"no {name} here, nor the package ziglang")
    if name == "gcc" and fault == "NULL that is added to":
        pytest.skip("gcc does not look for it")
    (tmp_path / "x.c").write_text(
        f"{OVERFLOWS}int main(void) {{ volatile int what = {FAULTS[fault][0]};\n"
        f"volatile double value = {FAULTS[fault][1]}; volatile long n = {FAULTS[fault][2]};\n"
        "return !broken(what, value, n); }",
        encoding="ascii",
    )
    flags = ["-std=c11", f"-fsanitize={CHECKS[name]}", "-fno-sanitize-recover=all", "-O1"]
    made = [*command, *flags, "-o", str(tmp_path / "x"), str(tmp_path / "x.c")]
    if subprocess.run(made, capture_output=True).returncode:
        pytest.skip(f"this {name} has no sanitizers")
    done = subprocess.run([str(tmp_path / "x")], capture_output=True, text=True)
    assert done.returncode != 0, done.stderr
