"""The Android library: its Java on this machine's Java, and what Gradle and a phone will find."""

from __future__ import annotations

import base64
import json
import platform
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import packages
import pytest
from packages import ROOT, build

import edgectc
from edgectc.decoding.search import compiled
from edgectc.formats import layouts

JAVA, PAGE = ROOT / "native" / "java", ROOT / "docs" / "library.md"
HOST = ROOT / "native" / "examples" / "Host.java"
BUNDLE, HELPERS = ROOT / "models" / "swipe-en", ROOT / "tests" / "helpers"
GOLDEN = ROOT / "tests" / "golden"
pytestmark = pytest.mark.slow  # the library is compiled, for phones as well
FILES = [str(BUNDLE / "artifacts" / "swipe-en-int8-dynamic.edgectc"), str(BUNDLE / "lexicon.trie"),
         str(BUNDLE / "words.lm")]  # fmt: skip
MACHINES = {"arm64-v8a": "AArch64", "armeabi-v7a": "ARM", "x86_64": "X86-64"}
# What Android has had since its first version; more is a mistake that only a phone would show.
ALLOWED = set(
    "malloc calloc realloc free qsort memcpy memmove memset memcmp memchr strlen strcmp strncmp "
    "strcpy strchr strrchr strstr strpbrk strcspn abort getauxval exp expm1 log log10 log1p pow "
    "rint rintf sqrt sqrtf fmin fmax floor ceil hypot sin cos nextafterf".split()
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the classes, the library for this machine, and the programs below."""
    out = tmp_path_factory.mktemp("java")
    packages.java(out / "classes", out)
    programs = [
        str(HOST),
        *(str(HELPERS / name) for name in ("KeyboardTest.java", "GoldenAnswers.java")),
    ]
    _run("javac", "-cp", str(out / "classes"), "-d", str(out / "classes"), *programs, folder=out)
    return out


def _run(*command: str, folder: Path, given: str = "") -> str:
    done = subprocess.run(command, cwd=folder, input=given, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _java(made: Path, name: str, given: str, *more: str, library: Path | None = None) -> str:
    place = f"-Djava.library.path={library or made}"
    command = ["java", "-Xcheck:jni", place, "-cp", str(made / "classes")]
    return _run(*command, name, *FILES, *more, folder=made, given=given)


def _sample() -> str:
    rows = (edgectc.sample() * [1080, 480, 1]).tolist()
    return "".join(f"{x!r} {y!r} {t!r}\n" for x, y, t in rows)


def test_the_program_of_the_page_prints_the_words_of_python(made: Path) -> None:
    (shown,) = re.findall(r"```java\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert shown == HOST.read_text(encoding="utf-8")
    assert len(shown[shown.index("public static") :].splitlines()) - 3 <= 15
    rows = [line.split() for line in _java(made, "Host", _sample()).splitlines()]
    wanted = edgectc.load(FILES[0])(edgectc.sample())
    assert [word for word, _ in rows] == [one.text for one in wanted]
    for (_, score), one in zip(rows, wanted, strict=True):
        assert float(score) == pytest.approx(one.score, abs=1e-3)


def test_every_call_does_what_it_says(made: Path) -> None:
    """The program ends with the name of what failed; Java checks how it is called."""
    pack = ROOT / "languages" / "de"
    german = [str(pack / name) for name in ("language.json", "lexicon.trie", "words.lm")]
    given = german if pack.is_dir() else []
    assert _java(made, "KeyboardTest", _sample(), *given).splitlines()[-1] == "all held"


def _golden(name: str) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = json.loads((GOLDEN / name).read_text(encoding="utf-8"))
    return found


def _place(name: str) -> str:
    layout = layouts.load(name)
    high = 1.0 / len(layout.rows)
    keys = [(0, 0.0, 0.0, 0.001, 1.0), (0, 0.999, 0.0, 0.001, 1.0)]  # to both edges
    for y, row in enumerate(layout.rows):
        for x, letter in enumerate(row.keys):
            if letter.strip():
                box = (row.x + x * row.key_width, y * high, row.key_width, high)
                keys.append((ord(letter), *box))
    codes = " ".join(str(key[0]) for key in keys)
    return f"place\t{codes}\t{' '.join(repr(value) for key in keys for value in key[1:])}"


def test_it_answers_the_golden_traces_as_python_and_refuses_as_it_does(made: Path) -> None:
    recognizer = edgectc.load(FILES[0])
    lines, wanted = [], []
    for case in _golden("traces.json")["cases"]:
        lines += [_place(case["layout"]), "swipe\t" + _flat(case["points"])]
        found = recognizer(np.asarray(case["points"]), layout=case["layout"], nbest=5)
        wanted += ["placed", " ".join(one.text for one in found)]
    lines.append(_place("qwerty"))
    wanted.append("placed")
    for case in _golden("checks.json")["points"]:
        if all(len(point) == 3 for point in case["points"]) and case["reason"]:
            lines.append("swipe\t" + _flat(case["points"]))
            wanted.append(f"! {case['reason']}")
    assert _java(made, "GoldenAnswers", "\n".join(lines)).splitlines() == wanted
    assert sum(line.startswith("!") for line in wanted) > 5


def _flat(points: list[list[float]]) -> str:
    """As Java reads numbers."""
    text = " ".join(repr(float(value)) for point in points for value in point)
    return text.replace("nan", "NaN").replace("inf", "Infinity")


def test_it_believes_the_signatures_that_python_does(made: Path, tmp_path: Path) -> None:
    lines, wanted = [], []
    for i, case in enumerate(_golden("trust.json")["signatures"]):
        model, signature = tmp_path / f"{i}.edgectc", tmp_path / f"{i}.sig"
        model.write_bytes(base64.b64decode(str(case["base64"])))
        if case["signature"] is not None:
            signature.write_text(str(case["signature"]), encoding="utf-8")
        name = str(signature) if case["signature"] is not None else "-"
        lines.append("\t".join(["sign", str(model), name, *case["trust"]]))
        wanted.append(f"! {case['refused']}" if case["refused"] else "signed")
    assert _java(made, "GoldenAnswers", "\n".join(lines)).splitlines() == wanted
    assert wanted.count("signed") >= 1
    assert len(set(wanted)) > 5


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not shutil.which("javac"):
        pytest.skip("needs a JDK")
    return build("aar", tmp_path_factory.mktemp("built"))


def test_the_machine_code_of_the_archive_does_so_too(
    made: Path, archive: Path, tmp_path: Path
) -> None:
    """That for x86-64, with the names of Android's C library changed to this machine's."""
    if not shutil.which("patchelf") or platform.machine() != "x86_64":
        pytest.skip("needs patchelf and an x86-64 processor")
    name = "jni/x86_64/libedgectc_keyboard.so"
    library = tmp_path / Path(name).name
    with zipfile.ZipFile(archive) as file:
        library.write_bytes(file.read(name))
    renamed = [
        word for one in "cm" for word in ("--replace-needed", f"lib{one}.so", f"lib{one}.so.6")
    ]
    _run("patchelf", *renamed, str(library), folder=tmp_path)
    assert _java(made, "KeyboardTest", _sample(), library=tmp_path).splitlines()[-1] == "all held"


def test_the_archive_is_as_gradle_and_android_take_it(archive: Path, tmp_path: Path) -> None:
    if not shutil.which("readelf"):
        pytest.skip("needs readelf")
    assert archive.name == f"edgectc-{edgectc.__version__}.aar"
    with zipfile.ZipFile(archive) as file:
        names = set(file.namelist())
        file.extractall(tmp_path / "aar")
    libraries = {f"jni/{abi}/libedgectc_keyboard.so" for abi in MACHINES}
    assert names == {"AndroidManifest.xml", "R.txt", "classes.jar", "proguard.txt", *libraries}
    manifest = (tmp_path / "aar" / "AndroidManifest.xml").read_text(encoding="utf-8")
    assert f'android:versionName="{edgectc.__version__}"' in manifest
    with zipfile.ZipFile(tmp_path / "aar" / "classes.jar") as jar:
        assert f"Edgectc-Abi: {compiled.ABI}" in jar.read("META-INF/MANIFEST.MF").decode()
        assert "org/edgectc/Keyboard.class" in jar.namelist()
    for abi, machine in MACHINES.items():
        library = str(tmp_path / "aar" / "jni" / abi / "libedgectc_keyboard.so")
        assert Path(library).stat().st_size <= 250_000
        assert machine in _run("readelf", "-h", library, folder=tmp_path)
        told = _run("readelf", "-dW", library, folder=tmp_path)
        assert {*re.findall(r"NEEDED.*\[(.*)\]", told)} <= {"libc.so", "libm.so"}
        heads = _run("readelf", "-lW", library, folder=tmp_path)
        steps = [int(line.split()[-1], 16) for line in heads.splitlines() if " LOAD " in line]
        assert min(steps) >= 16384
        symbols = _run("readelf", "--dyn-syms", "-W", library, folder=tmp_path).splitlines()
        rows = [line.split() for line in symbols if re.match(r"\s*\d+:", line)]
        assert {row[7] for row in rows if len(row) > 7 and row[6] == "UND"} <= ALLOWED
        shown = {row[7] for row in rows if len(row) > 7 and row[6] != "UND"}
        natives = re.findall(
            r"native [\w\[\]]+ (\w+)\(", (JAVA / "src/org/edgectc/Keyboard.java").read_text()
        )
        assert {f"Java_org_edgectc_Keyboard_{name}" for name in natives} <= shown
