"""Runs the app's tests on this machine's Java, on the shipped libraries, and on emulated arm64.

The keyboard itself runs, over fakes of Android's classes and over the real library: that built for
this machine, that of the APK for x86_64, and that for arm64 in an emulated Java. Then the APK is
examined.
"""

from __future__ import annotations

import argparse
import atexit
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import assets
import build_apk
import cases
import downloads

import native

HERE = Path(__file__).resolve().parent.parent
REPOSITORY = HERE.parent
WORK = HERE / "build" / f"tests-{os.getpid()}"  # several may run at once
JUNIT = [Path("/usr/share/java/junit4.jar"), Path("/usr/share/java/hamcrest-core.jar")]
PAGE = 16384
MOST_BYTES = 9_000_000  # of the APK with the library alone
PAGES = ("MainActivity", "SelfTestActivity", "SettingsActivity")  # no fakes of widgets
# What the shims of other runtimes may ask of Android; for the library see tests/hosts/test_aar.py.
ALLOWED = {"malloc", "calloc", "realloc", "free", "memcpy", "memset", "strlen", "abort",
           "OrtGetApiBase"}  # fmt: skip


class Skip(Exception):
    """Why a test cannot run here."""


def main() -> int:
    """Run what can run and say what came of it: 1 for a failure, 3 if nothing was checked."""
    parser = argparse.ArgumentParser(prog="run_tests", description=__doc__)
    parser.add_argument("--apk", type=Path, default=HERE / "build" / "edgectc-keyboard.apk")
    parser.add_argument("--only", choices=list(STEPS), action="append", help="run only this step")
    parser.add_argument("--pictures", type=Path, help="folder for pictures of the keyboard")
    parser.add_argument("--phone", type=Path, help="file for what the phone kit saved")
    options = parser.parse_args()
    WORK.mkdir(parents=True)
    atexit.register(shutil.rmtree, WORK, ignore_errors=True)
    failed = checked = False
    for name, step in STEPS.items():
        if options.only and name not in options.only:
            continue
        try:
            print(f"{name}: {step(options)}", flush=True)
            checked = True
        except Skip as reason:
            print(f"{name}: skipped ({reason})", flush=True)
        except (RuntimeError, AssertionError, ValueError, OSError) as error:
            print(f"{name}: FAILED\n{error}", flush=True)
            failed = True
    return 1 if failed else 0 if checked else 3


def keyboard(options: argparse.Namespace) -> str:
    """The keyboard on this machine's Java; nothing is fetched."""
    _need("javac", "java", "cc")
    out = WORK / "host"
    out.mkdir()
    sys.path.insert(0, str(REPOSITORY / "scripts"))
    from packs import aar

    aar.host_library(out / aar.NAME)
    return _junit(["java"], out, options, "keyboard")


def runtimes(options: argparse.Namespace) -> str:
    """The self-test of ONNX Runtime, with its Python wheel."""
    _need("javac", "java", "gcc")
    found = importlib.util.find_spec("onnxruntime")
    if found is None or found.origin is None:
        raise Skip("no onnxruntime in this Python")
    folder = Path(found.origin).parent / "capi"
    libraries = sorted(folder.glob("libonnxruntime.so.*"))
    if not libraries:
        raise Skip(f"no libonnxruntime.so in {folder}")
    out = WORK / "runtimes"
    out.mkdir()
    headers = downloads.unpacked(downloads.ONNX_RUNTIME, HERE / "build" / "downloads")
    native.host_onnx(headers, libraries[0], out / "libedgectc_ort.so")
    (out / "libonnxruntime.so.1").symlink_to(libraries[0])  # the name that the loader looks for
    return _junit(["java"], out, options, "runtimes")


def shipped(options: argparse.Namespace) -> str:
    """The keyboard on this machine's Java, with the APK's libraries for x86_64."""
    _need("javac", "java", "gcc", "patchelf")
    out = _bionic(options, "x86_64", "gcc")
    return _both(["env", f"LD_PRELOAD={out}/libbionic.so", "java"], out, options)


def arm64(options: argparse.Namespace) -> str:
    """The keyboard on an emulated arm64 Java, with the APK's libraries for arm64."""
    _need("javac", "aarch64-linux-gnu-gcc", "patchelf", "qemu-aarch64-static", "apt-get")
    out = _bionic(options, "arm64-v8a", "aarch64-linux-gnu-gcc")
    root = _arm_root()
    # A processor without SME: the emulator's is not to be trusted with it.
    java = ["qemu-aarch64-static", "-cpu", "cortex-a76", "-L", str(root),
            "-E", f"LD_PRELOAD={out}/libbionic.so", "-E", f"LD_LIBRARY_PATH={out}",
            str(root / "usr/lib/jvm/java-17-openjdk-arm64/bin/java")]  # fmt: skip
    return _junit(java, out, options, "keyboard", only="MessageTest")  # it takes minutes


def apk(options: argparse.Namespace) -> str:
    """What the package says, and what its libraries need."""
    _need("aapt", "apksigner", "dexdump", "readelf", "nm")
    file = _apk(options)
    build_apk.run(["apksigner", "verify", "--min-sdk-version", "24", str(file)])
    about = build_apk.run(["aapt", "dump", "badging", str(file)])
    for line in ("sdkVersion:'24'", "targetSdkVersion:'35'", "provides-component:'ime'",
                 "org.edgectc.keyboard.MainActivity",
                 "native-code: 'arm64-v8a' 'armeabi-v7a' 'x86_64'"):  # fmt: skip
        assert line in about, f"the manifest lacks {line}:\n{about}"
    assert "uses-permission" not in about, f"the app asks for a permission:\n{about}"
    files = _unzipped(file)
    code = build_apk.run(["dexdump", "-d", str(files / "classes.dex")])
    assert "invoke-custom" not in code, "the dex file has invokedynamic"
    libraries = sorted((files / "lib").rglob("*.so"))
    for path in libraries:
        heads = build_apk.run(["readelf", "-lW", str(path)])
        steps = [int(line.split()[-1], 16) for line in heads.splitlines() if " LOAD " in line]
        assert min(steps, default=0) >= PAGE, f"{path} is not aligned to 16 KB pages: {steps}"
    for path in libraries:
        if path.name in ("libedgectc_ort.so", "libedgectc_et.so"):
            _asks_for_what_is_there(path)
    ours = [path for path in libraries if path.name == "libedgectc_keyboard.so"]
    assert len(ours) == 3, f"expected the library for three processors, got {ours}"
    size = file.stat().st_size
    assert len(libraries) > len(ours) or size <= MOST_BYTES, f"the APK has {size} bytes"
    return f"passed ({size / 1e6:.1f} MB, {len(libraries)} libraries)"


def _asks_for_what_is_there(path: Path) -> None:
    asked = build_apk.run(["nm", "-D", "-u", str(path)]).split()
    names = {name.partition("@")[0] for name in asked if len(name) > 1}
    offered = set()
    if path.name == "libedgectc_et.so":
        beside = str(path.parent / "libexecutorch_jni.so")
        given = build_apk.run(["nm", "-D", "--defined-only", beside]).split()
        offered = {name.partition("@")[0] for name in given}
    assert names <= ALLOWED | offered, f"{path} asks for {sorted(names - ALLOWED - offered)}"


STEPS: dict[str, Callable[[argparse.Namespace], str]] = {
    "keyboard": keyboard, "runtimes": runtimes, "shipped": shipped, "arm64": arm64, "apk": apk,
}  # fmt: skip


def _need(*tools: str) -> None:
    for tool in tools:
        if not shutil.which(tool):
            raise Skip(f"no {tool}")


def _apk(options: argparse.Namespace) -> Path:
    file: Path = options.apk
    if not file.exists():
        raise Skip(f"no {file}; run build_apk first")
    return file


def _unzipped(file: Path) -> Path:
    out = WORK / "apk"
    if not out.exists():
        with zipfile.ZipFile(file) as archive:
            archive.extractall(out)
    return out


def _bionic(options: argparse.Namespace, abi: str, compiler: str) -> Path:
    """Return a folder with the APK's libraries, as this machine's loader takes them."""
    import patch

    out = WORK / abi
    out.mkdir()
    for path in sorted((_unzipped(_apk(options)) / "lib" / abi).glob("*.so")):
        patch.patched(path, out / path.name)
    build_apk.run([compiler, "-O1", "-fPIC", "-shared", "-w", "-o", str(out / "libbionic.so"),
                   str(HERE / "hostrun/bionic.c"), "-ldl"])  # fmt: skip
    return out


def _both(java: list[str], libraries: Path, options: argparse.Namespace) -> str:
    told = _junit(java, libraries, options, "keyboard")
    if any((libraries / f"libedgectc_{name}.so").exists() for name in ("ort", "et")):
        told += "; runtimes " + _junit(java, libraries, options, "runtimes")
    return told


def _junit(
    java: list[str],
    libraries: Path,
    options: argparse.Namespace,
    package: str,
    *,
    only: str = "*Test",
) -> str:
    for jar in JUNIT:
        if not jar.exists():
            raise Skip(f"no {jar}; apt-get install junit4")
    folder = HERE / "test" / "org" / "edgectc" / package
    tests = sorted(path.stem for path in folder.glob(f"{only}.java"))
    settings = {"java.library.path": libraries, "edgectc.files": WORK / "files",
                "edgectc.saved": options.phone or WORK / "phone.json",
                "edgectc.assets": _assets(), "edgectc.pictures": options.pictures or "",
                "edgectc.draws": str("java" in java).lower(),
                "java.awt.headless": "true"}  # fmt: skip
    done = subprocess.run(
        [*java, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dfile.encoding=UTF-8",
         *(f"-D{name}={value}" for name, value in settings.items()),
         "-cp", ":".join(map(str, [_classes(), *JUNIT])), "org.junit.runner.JUnitCore",
         *(f"org.edgectc.{package}.{name}" for name in tests)],
        capture_output=True, text=True, env={**os.environ, "LD_LIBRARY_PATH": str(libraries)},
    )  # fmt: skip
    told = re.search(r"^OK \((\d+) tests?\)", done.stdout, re.MULTILINE)
    if done.returncode or not told:
        raise RuntimeError((done.stdout + done.stderr)[-6000:])
    return "; ".join([f"passed ({told[1]} tests)", *re.findall(r"note: (.*)", done.stdout)])


def _classes() -> Path:
    """Compile the app, the library's Java, the fakes and the tests, for any Java from 11 on."""
    out = WORK / "classes"
    if out.exists():
        return out
    generated = WORK / "R.java"
    generated.write_text(_names(), encoding="utf-8")
    folders = [
        HERE / "app/src",
        HERE / "runtimes/src",
        HERE / "test",
        REPOSITORY / "native/java/src",
    ]
    sources = [str(path) for folder in folders for path in sorted(folder.rglob("*.java"))
               if path.stem not in PAGES]  # fmt: skip
    build_apk.run(["javac", "--release", "11", "-nowarn", "-encoding", "UTF-8", "-cp",
                   str(JUNIT[0]), "-d", str(out), str(generated), *sources])  # fmt: skip
    return out


def _names() -> str:
    """Return a class R as Android's tools make it, and beside it the texts themselves."""
    strings = (HERE / "app/res/values/strings.xml").read_text(encoding="utf-8")
    found = re.findall(r'<string name="(\w+)">(.*?)</string>', strings)
    numbers = "".join(f"public static final int {name} = {i};" for i, (name, _) in enumerate(found))
    texts = ", ".join('"' + text.replace('"', '\\"') + '"' for _, text in found)
    return (f"package org.edgectc.keyboard; public final class R {{ static final class string {{"
            f"{numbers} }} public static final String[] TEXTS = {{ {texts} }}; }}")  # fmt: skip


def _assets() -> Path:
    out = WORK / "assets"
    if not out.exists():
        assets.gather(assets.BUNDLE, out, {})
        cases.write(
            assets.BUNDLE / "artifacts" / "swipe-en.onnx", out / "runtimes" / "model.onnx.cases"
        )
    return out


def _arm_root() -> Path:
    """Return a folder with an arm64 Java of Debian's, fetched once, checked by apt."""
    root = HERE / "build" / "arm64-root"
    if root.exists():
        return root
    state = HERE / "build" / "arm64-apt"
    for folder in ("lists/partial", "cache/archives/partial"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    (state / "status").touch()
    (state / "sources.list").write_text(
        "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] "
        f"{downloads.DEBIAN} bookworm main\n"
    )
    apt = ["apt-get", "-qq", "-y"]
    for setting in (
        "APT::Architecture=arm64", "APT::Architectures=arm64", f"Dir::State={state}",
        f"Dir::State::status={state}/status", f"Dir::Cache={state}/cache",
        f"Dir::Etc::sourcelist={state}/sources.list", "Dir::Etc::sourceparts=-",
    ):  # fmt: skip
        apt += ["-o", setting]
    build_apk.run([*apt, "update"])
    build_apk.run([*apt, "--no-install-recommends", "--download-only", "install",
                   "openjdk-17-jre-headless", "libstdc++6"])  # fmt: skip
    partial = root.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    for package in sorted((state / "cache/archives").glob("*.deb")):
        build_apk.run(["dpkg-deb", "-x", str(package), str(partial)])
    partial.rename(root)
    return root


if __name__ == "__main__":
    sys.path.insert(0, str(HERE / "hostrun"))
    sys.exit(main())
