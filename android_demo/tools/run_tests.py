"""Runs the app's tests on this machine's Java, on the shipped libraries, and on emulated arm64.

One and the same JUnit run, three times: with libraries built for this machine; with those of the
APK for x86_64; with those for arm64 in an emulated Java. Then the APK itself is examined.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import build_apk
import downloads

import native

HERE = Path(__file__).resolve().parent.parent
REPOSITORY = HERE.parent
WORK = HERE / "build" / "tests"
JUNIT = [Path("/usr/share/java/junit4.jar"), Path("/usr/share/java/hamcrest-core.jar")]
PAGE = 16384
# What our libraries may ask of Android: more is a mistake that only a phone would show.
ALLOWED = {"malloc", "calloc", "realloc", "free", "qsort", "memcpy", "memmove", "memset", "memcmp",
           "strlen", "strcmp", "strcpy", "strpbrk", "strcspn", "exp", "log", "nextafterf", "abort",
           "OrtGetApiBase"}  # fmt: skip


class Skip(Exception):
    """Why a test cannot run here."""


def main() -> int:
    """Run what can run, and say what came of it."""
    parser = argparse.ArgumentParser(prog="run_tests", description=__doc__)
    parser.add_argument("--apk", type=Path, default=HERE / "build" / "edgectc-keyboard.apk")
    parser.add_argument("--only", choices=list(STEPS), action="append", help="run only this step")
    parser.add_argument(
        "--pte", type=Path, help="ExecuTorch artifact of the same bundle to run too"
    )
    parser.add_argument("--swipes", type=Path, help="traces with expected words, from golden.py")
    options = parser.parse_args()
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    failed = False
    for name, step in STEPS.items():
        if options.only and name not in options.only:
            continue
        try:
            print(f"{name}: {step(options)}", flush=True)
        except Skip as reason:
            print(f"{name}: skipped ({reason})", flush=True)
        except (RuntimeError, AssertionError, OSError) as error:
            print(f"{name}: FAILED\n{error}", flush=True)
            failed = True
    return int(failed)


def core(options: argparse.Namespace) -> str:
    """JUnit on this machine's Java, without any network: nothing is fetched."""
    _need("javac", "java", "gcc")
    out = WORK / "core"
    out.mkdir()
    native.host_engine(out / "libedgectc.so")
    return _junit(["java"], out, options)


def host(options: argparse.Namespace) -> str:
    """JUnit on this machine's Java, with ONNX Runtime's Python wheel."""
    _need("javac", "java", "gcc")
    found = importlib.util.find_spec("onnxruntime")
    if found is None or found.origin is None:
        raise Skip("no onnxruntime in this Python")
    folder = Path(found.origin).parent / "capi"
    runtimes = sorted(folder.glob("libonnxruntime.so.*"))
    if not runtimes:
        raise Skip(f"no libonnxruntime.so in {folder}")
    out = WORK / "host"
    out.mkdir()
    native.host_engine(out / "libedgectc.so")
    headers = downloads.unpacked(downloads.ONNX_RUNTIME, HERE / "build" / "downloads")
    native.host_onnx(headers, runtimes[0], out / "libedgectc_ort.so")
    (out / "libonnxruntime.so.1").symlink_to(runtimes[0])  # the name that the loader looks for
    return _junit(["java"], out, options)


def shipped(options: argparse.Namespace) -> str:
    """JUnit on this machine's Java, with the APK's libraries for x86_64."""
    _need("javac", "java", "gcc", "patchelf")
    out = _bionic(options, "x86_64", "gcc")
    return _junit(["env", f"LD_PRELOAD={out}/libbionic.so", "java"], out, options)


def arm64(options: argparse.Namespace) -> str:
    """JUnit on an emulated arm64 Java, with the APK's libraries for arm64."""
    _need("javac", "aarch64-linux-gnu-gcc", "patchelf", "qemu-aarch64-static", "apt-get")
    out = _bionic(options, "arm64-v8a", "aarch64-linux-gnu-gcc")
    root = _arm_root()
    # A processor without SME: the emulator's is not to be trusted with it.
    java = ["qemu-aarch64-static", "-cpu", "cortex-a76", "-L", str(root),
            "-E", f"LD_PRELOAD={out}/libbionic.so", "-E", f"LD_LIBRARY_PATH={out}",
            str(root / "usr/lib/jvm/java-17-openjdk-arm64/bin/java")]  # fmt: skip
    return _junit(java, out, options, rows=50)  # emulated, a swipe takes a tenth of a second


def apk(options: argparse.Namespace) -> str:
    """What the package says, and what its libraries need."""
    _need("aapt", "apksigner", "dexdump", "readelf", "nm")
    file = _apk(options)
    build_apk.run(["apksigner", "verify", "--min-sdk-version", "24", str(file)])
    about = build_apk.run(["aapt", "dump", "badging", str(file)])
    for line in ("sdkVersion:'24'", "provides-component:'ime'", "org.edgectc.keyboard.MainActivity",
                 "native-code: 'arm64-v8a' 'x86_64'"):  # fmt: skip
        assert line in about, f"the manifest lacks {line}:\n{about}"
    files = _unzipped(file)
    code = build_apk.run(["dexdump", "-d", str(files / "classes.dex")])
    assert "invoke-custom" not in code, "the dex file has invokedynamic"
    libraries = sorted((files / "lib").rglob("*.so"))
    ours = [path for path in libraries if path.name.startswith("libedgectc")]
    for path in libraries:
        heads = build_apk.run(["readelf", "-lW", str(path)])
        steps = [int(line.split()[-1], 16) for line in heads.splitlines() if " LOAD " in line]
        assert min(steps, default=0) >= PAGE, f"{path} is not aligned to 16 KB pages: {steps}"
    for path in ours:
        asked = build_apk.run(["nm", "-D", "-u", str(path)]).split()
        names = {name.partition("@")[0] for name in asked if len(name) > 1}
        beside = path.parent / "libexecutorch_jni.so"
        offered = set()
        if path.name == "libedgectc_et.so":
            given = build_apk.run(["nm", "-D", "--defined-only", str(beside)]).split()
            offered = {name.partition("@")[0] for name in given}
        assert names <= ALLOWED | offered, f"{path} asks for {sorted(names - ALLOWED - offered)}"
    assert len(ours) >= 4, f"expected our libraries for two processors, got {ours}"
    return f"passed ({file.stat().st_size / 1e6:.1f} MB, {len(libraries)} libraries)"


STEPS: dict[str, Callable[[argparse.Namespace], str]] = {
    "core": core, "host": host, "shipped": shipped, "arm64": arm64, "apk": apk,
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


def _junit(
    java: list[str], libraries: Path, options: argparse.Namespace, *, rows: int = 1_000_000
) -> str:
    for jar in JUNIT:
        if not jar.exists():
            raise Skip(f"no {jar}; apt-get install junit4")
    classes = WORK / "classes"
    if not classes.exists():
        classes.mkdir()
        sources = [str(path) for path in sorted((HERE / "core").rglob("*.java"))]
        build_apk.run(["javac", "--release", "8", "-nowarn", "-encoding", "UTF-8",
                       "-cp", str(JUNIT[0]), "-d", str(classes), *sources])  # fmt: skip
    tests = sorted(path.stem for path in (HERE / "core/test").rglob("*Test.java"))
    if not (libraries / "libedgectc_ort.so").exists():
        tests.remove("RecognizerTest")
    settings = {"edgectc.libraries": libraries, "edgectc.golden": REPOSITORY / "tests" / "golden",
                "edgectc.keyboards": REPOSITORY / "edgectc" / "formats" / "keyboards",
                "edgectc.bundle": REPOSITORY / "models" / "swipe-en",
                "edgectc.pte": options.pte or "",
                "edgectc.swipes": options.swipes or "", "edgectc.rows": rows}  # fmt: skip
    done = subprocess.run(
        [*java, "-XX:+UseSerialGC", "-Dfile.encoding=UTF-8",
         *(f"-D{name}={value}" for name, value in settings.items()),
         "-cp", ":".join(map(str, [classes, *JUNIT])), "org.junit.runner.JUnitCore",
         *(f"org.edgectc.core.{name}" for name in tests)],
        capture_output=True, text=True,
        env={**os.environ, "LD_LIBRARY_PATH": str(libraries)},
    )  # fmt: skip
    told = re.search(r"^OK \((\d+) tests?\)", done.stdout, re.MULTILINE)
    if done.returncode or not told:
        raise RuntimeError((done.stdout + done.stderr)[-4000:])
    notes = re.findall(r"note: (.*)", done.stdout)
    return "; ".join([f"passed ({told[1]} tests)", *notes])


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
