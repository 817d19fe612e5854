"""The C files elsewhere: under sanitizers, and compiled for the hosts that share them."""

from __future__ import annotations

import ctypes
import re
import runpy
import shutil
import subprocess
import unicodedata
from pathlib import Path

import pytest

from edgectc.decoding.search import compiled
from edgectc.language.spelling import normalize_word

NATIVE = Path(__file__).parents[2] / "native"
build = runpy.run_path(str(NATIVE / "build.py"))
SOURCES = build["sources"](beam=True, network=True)
INCLUDE = [flag for flag in build["flags"]() if flag.startswith("-I")]

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


# One file alone touches files: that of the user's words, saved and loaded on demand.
FURTHER = {
    "user_files.c": {"open", "read", "write", "close", "stat", "fstat", "fchmod", "fsync", "flock",
                     "ftruncate", "rename", "unlink", "realpath", "strrchr",
                     "__errno_location", "__errno"},
    "user_words.c": {"abs", "log10", "strstr"},
}  # fmt: skip


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
        of_compiler = ("__cpu_", "__popcount", "__aarch64_")
        needed = {name for name in needed if not name.startswith(("edgectc_", *of_compiler))}
        allowed = {"malloc", "calloc", "realloc", "free", "memset", "memcpy", "memmove", "memcmp",
                   "strlen", "strcmp", "strcpy", "strcspn", "strpbrk", "qsort", "exp", "log",
                   "log1p", "expm1", "sqrt", "nextafterf", "fabs", "fmin", "floor", "rint",
                   "sin", "cos", "sincos", "sqrtf", "ceil", "fabsf", "fmax", "hypot", "pow",
                   "memchr", "strchr", "getauxval", "_GLOBAL_OFFSET_TABLE_"}  # fmt: skip
        assert needed <= allowed | FURTHER.get(Path(source).name, set())


def _c_library(tmp_path: Path, *sources: str, code: str = "") -> ctypes.CDLL:
    """Return some C files, all of whose functions can be called."""
    if compiler := build["compiler"]():
        own = tmp_path / "own.c"
        own.write_text(code + "\ntypedef int at_least_one_declaration;\n", encoding="ascii")
        command = [*compiler, "-std=c11", *INCLUDE, "-O1", "-shared", "-fPIC"]
        command += ["-o", str(tmp_path / "some.so"), *sources, str(own), "-lm"]
        subprocess.run(command, check=True)
        return ctypes.CDLL(str(tmp_path / "some.so"))
    pytest.skip("no C compiler")


def test_the_normal_form_is_that_of_python(tmp_path: Path) -> None:
    sources = (str(NATIVE / "src" / f"engine_{name}.c") for name in ("text", "context"))
    c = _c_library(tmp_path, *sources)
    c.edgectc_fold.restype = ctypes.c_size_t
    changed, others = 0, []
    for code in range(1, 0x110000):
        letter = chr(code)
        # C is given text in NFC, and may know letters that this Python does not.
        if 0xD800 <= code < 0xE000 or unicodedata.category(letter) == "Cn":
            continue
        if not unicodedata.is_normalized("NFC", letter):
            continue
        data, out = letter.encode(), ctypes.create_string_buffer(8)
        size = c.edgectc_fold(data, ctypes.c_size_t(len(data)), out)
        made = out.raw[:size].decode()
        if made != normalize_word(letter):
            others.append(code)
        changed += made != letter
    assert changed >= 1408
    assert others == []


def test_sizes_that_a_size_t_cannot_count_are_no_memory(tmp_path: Path) -> None:
    code = """
    #include "search.h"
    uint64_t bytes_of(uint64_t rows, uint64_t columns, uint64_t size, uint64_t most) {
      return edgectc_bytes(rows, columns, size, most);
    }
    void *room(int64_t rows, int64_t columns) { return edgectc_room(rows, columns, 8); }"""
    c = _c_library(tmp_path, code=code)
    c.bytes_of.restype, c.room.restype = ctypes.c_uint64, ctypes.c_void_p

    def size(rows: int, columns: int, size: int, most: int) -> int:
        return int(c.bytes_of(*(ctypes.c_uint64(n) for n in (rows, columns, size, most))))

    half = 2**31 - 1  # of what a phone of 32 bits can count
    for rows, columns, each in (
        (100_032, 8 + (2 + 2 * 65_536) * 4, 1),  # nbest, frames: see prepare_task
        (65_536, 2 * 65_536 + 1, 1),  # frames, states: see report
        (1_000_000 * 202, 1, 24),  # beam_size, letters: see narrow
        (65_536, 65_536, 8),  # frames, columns
        (2**62, 2**62, 8),
    ):
        assert (rows * columns * each) % 2**32 < rows * columns * each  # would wrap
        assert size(rows, columns, each, half) == 0
    assert size(1000, 30, 8, half) == 240_000
    assert size(half, 1, 1, half) == half
    assert size(half, 1, 2, half) == 0
    assert c.room(ctypes.c_int64(2**40), ctypes.c_int64(2**40)) is None


def test_no_search_multiplies_in_an_allocation() -> None:
    """There `edgectc_room` counts; a product of options, frames and letters may wrap."""
    for name in ("search.c", "lattice.h", "queues.h", "engine_search.c"):
        text = (NATIVE / "src" / name).read_text(encoding="ascii")
        for size in re.findall(r"\b(?:malloc|realloc)\((.*)\);", text):
            assert not re.search(r"\bT\b|frames|room|beam_size|nbest", size), f"{name}: {size}"


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
    on_disk = {str(path.relative_to(NATIVE.parent)) for path in (NATIVE / "src").rglob("*.c")}
    listed = build["read"]()
    groups = ("engine", "beam", "network", "keyboard")
    assert {name for group in groups for name in listed[group]} == on_disk
    root = NATIVE.parent
    for host, reads in {
        "native/CMakeLists.txt": "build.json",
        "scripts/packs/zig.py": "build.py",
    }.items():
        text = (root / host).read_text(encoding="utf-8")
        assert reads in text
        assert "fno-math-errno" not in text
