"""The C library as a keyboard links it: built, installed, included, run on two processors."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import edgectc

ROOT = Path(__file__).parents[2]
NATIVE, PAGE = ROOT / "native", ROOT / "docs" / "library.md"
HOST = NATIVE / "examples" / "host.c"
BUNDLE = ROOT / "models" / "swipe-en"
FILES = [BUNDLE / "artifacts" / "swipe-en-int8-dynamic.edgectc", BUNDLE / "lexicon.trie",
         BUNDLE / "words.lm"]  # fmt: skip
MOST_BYTES = 256_000
build = runpy.run_path(str(NATIVE / "build.py"))

# name: compiler and flags; the second column is what runs the result
HOSTS = {
    "this machine": (["cc"], ()),
    "arm64": (["aarch64-linux-gnu-gcc", "-static"], ("qemu-aarch64", "qemu-aarch64-static")),
}


def _sources() -> list[str]:
    listed = build["read"]()
    names = [*listed["engine"], *listed["network"], *listed["keyboard"]]
    return [str(ROOT / name) for name in names]


def _answer(command: list[str]) -> list[str]:
    """What the host prints for the sample: words and scores."""
    lines = "".join(f"{x * 1080!r} {y * 480!r} {t!r}\n" for x, y, t in edgectc.sample().tolist())
    done = subprocess.run([*command, *map(str, FILES)], input=lines, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def _check(printed: list[str], *, within: float) -> None:
    wanted = edgectc.load(FILES[0])(edgectc.sample())
    got = [line.split() for line in printed]
    assert [word for word, _ in got] == [c.text for c in wanted]
    assert all(
        abs(float(score) - c.score) < within for (_, score), c in zip(got, wanted, strict=True)
    )


@pytest.fixture(
    scope="module", params=["this machine", pytest.param("arm64", marks=pytest.mark.slow)]
)
def host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command of the example."""
    (compiler, *flags), emulators = HOSTS[request.param]
    runs = [found for name in emulators if (found := shutil.which(name))]
    if not shutil.which(compiler) or (emulators and not runs):
        pytest.skip(f"no {compiler}, or nothing that runs what it makes")
    out = tmp_path_factory.mktemp("host") / "host"
    made = [
        compiler,
        *flags,
        *build["flags"](),
        "-O1",
        str(HOST),
        *_sources(),
        "-o",
        str(out),
        "-lm",
    ]
    subprocess.run(made, check=True)
    return [*runs[:1], str(out)]


def test_a_host_in_c_prints_the_words_of_python(host: list[str]) -> None:
    _check(_answer(host), within=0.3)  # int8 codes differ between sets of kernels


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([FILES[1], *FILES[1:]], "no manifest"),
        ([FILES[0], FILES[2], FILES[2]], "not the lexicon"),
        ([FILES[0], FILES[1], FILES[1]], "not the language model"),
        ([FILES[0], Path("missing"), FILES[2]], "a language model comes with its lexicon"),
        ([Path("missing"), *FILES[1:]], "give the bytes of a model"),
    ],
)
def test_it_says_what_is_wrong(host: list[str], files: list[Path], message: str) -> None:
    done = subprocess.run([*host, *map(str, files)], input="", capture_output=True, text=True)
    assert done.returncode == 1
    assert message in done.stderr


def test_a_tap_is_named(host: list[str]) -> None:
    done = subprocess.run(
        [*host, *map(str, FILES)], input="50 50 0\n", capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "one_point: one point has no path; handle it as a tap" in done.stderr


def test_the_page_shows_the_host_that_is_run() -> None:
    page = PAGE.read_text(encoding="utf-8")
    (shown,) = re.findall(r"```c\n(.*?)```", page, re.DOTALL)
    assert shown == HOST.read_text(encoding="ascii")


def test_the_host_is_short() -> None:
    text = HOST.read_text(encoding="ascii")
    body = text[text.index("int main") :].splitlines()[1:-1]
    assert len(body) <= 25


def test_the_lines_of_python_print_the_word(tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip()) == (0, edgectc.load()(edgectc.sample())[0].text)
    assert [*edgectc.UserDictionary.read(tmp_path / "mine.json")] == [
        "Zyxgle",
        "hello",
    ]  # taught, learnt


CONSUMER = """
cmake_minimum_required(VERSION 3.19)
project(host C)
find_package(edgectc REQUIRED)
add_executable(host {host})
target_link_libraries(host edgectc::static)
"""


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the page's own command installs the library."""
    if not shutil.which("cmake"):
        pytest.skip("needs cmake")
    out = tmp_path_factory.mktemp("installed")
    (line,) = re.findall(r"```console\n\$ (.*?)\n```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    line = line.replace("build/native", str(out / "build")).replace("PREFIX", str(out / "prefix"))
    subprocess.run(["bash", "-ec", line], cwd=ROOT, check=True, capture_output=True)
    return out / "prefix"


def _library(prefix: Path) -> Path:
    (found,) = prefix.rglob("libedgectc.so")
    return found


@pytest.mark.slow
def test_installed_it_is_found_by_pkg_config(prefix: Path, tmp_path: Path) -> None:
    if not shutil.which("pkg-config"):
        pytest.skip("needs pkg-config")
    library = _library(prefix).parent
    environment = {**os.environ, "PKG_CONFIG_PATH": str(library / "pkgconfig")}
    command = ["pkg-config", "--cflags", "--libs", "edgectc"]
    flags = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    made = ["cc", str(HOST), *flags.stdout.split(), f"-Wl,-rpath,{library}"]
    subprocess.run([*made, "-o", str(tmp_path / "host")], check=True)
    _check(_answer([str(tmp_path / "host")]), within=1e-3)
    shown = ["pkg-config", "--modversion", "edgectc"]
    version = subprocess.run(shown, env=environment, capture_output=True, text=True).stdout
    assert version.strip() == edgectc.__version__


@pytest.mark.slow
def test_installed_it_is_found_by_cmake(prefix: Path, tmp_path: Path) -> None:
    (tmp_path / "CMakeLists.txt").write_text(CONSUMER.format(host=HOST), encoding="utf-8")
    for line in (["-S", ".", "-B", "out", f"-DCMAKE_PREFIX_PATH={prefix}"], ["--build", "out"]):
        subprocess.run(["cmake", *line], cwd=tmp_path, check=True, capture_output=True)
    _check(_answer([str(tmp_path / "out" / "host")]), within=1e-3)


@pytest.mark.slow
def test_the_shared_library_is_small_and_shows_the_header(prefix: Path, tmp_path: Path) -> None:
    if not shutil.which("strip") or not shutil.which("nm"):
        pytest.skip("needs strip and nm")
    small = tmp_path / "small.so"
    subprocess.run(["strip", "-o", str(small), str(_library(prefix))], check=True)
    assert small.stat().st_size <= MOST_BYTES
    command = ["nm", "-D", "--defined-only", str(small)]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    shown = {line.split()[-1] for line in listed.splitlines()} - {"_init", "_fini"}
    header = (NATIVE / "include" / "edgectc.h").read_text(encoding="ascii")
    assert shown == set(re.findall(r"\b(edgectc_\w+)\(", header))


def test_the_header_is_good_for_c_plus_plus(tmp_path: Path) -> None:
    if not shutil.which("c++"):
        pytest.skip("needs a C++ compiler")
    (tmp_path / "host.cpp").write_text(
        '#include "edgectc.h"\nint main() { return edgectc_abi() != EDGECTC_ABI; }\n',
        encoding="ascii",
    )
    flags = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{NATIVE / 'include'}"]
    command = ["c++", "-std=c++11", *flags, "-fsyntax-only", str(tmp_path / "host.cpp")]
    subprocess.run(command, check=True)
