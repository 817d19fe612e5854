"""Builds the signed debug APK with Debian's tools and pinned runtimes: no Gradle, SDK or NDK."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import assets
import downloads

import native

HERE = Path(__file__).resolve().parent.parent
REPOSITORY = HERE.parent
FRAMEWORK = Path("/usr/share/android-framework-res/framework-res.apk")
TOOLS = {
    "aapt2": "aapt", "zipalign": "zipalign", "apksigner": "apksigner",
    "javac": "openjdk-17-jdk-headless", "java": "openjdk-17-jdk-headless",
    "keytool": "openjdk-17-jdk-headless", "dpkg-deb": "dpkg",
}  # fmt: skip
RUNTIME_TOOLS = {"clang": "clang-14", "ld.lld": "lld-14", "npm": "npm"}
RUNTIME_PACKAGES = {
    "libc++-14-dev": native.LIBCXX,
    "libc6-dev-arm64-cross": native.ARM_HEADERS,
}
MIN_SDK = 24


def main() -> int:
    """Build, and say what came out."""
    options = arguments()
    started = time.monotonic()
    try:
        lacking = missing(options)
        if lacking and options.install:
            run(["apt-get", "install", "-y", "--no-install-recommends", *lacking])
            lacking = missing(options)
        if lacking:
            print(f"build_apk: missing; run: apt-get install {' '.join(lacking)}", file=sys.stderr)
            return 3
        apk = build(options)
    except (downloads.DownloadError, RuntimeError, ValueError, OSError) as error:
        print(f"build_apk: {error}", file=sys.stderr)
        return 4
    print(f"{apk}: {apk.stat().st_size / 1e6:.1f} MB in {time.monotonic() - started:.0f} s")
    return 0


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="build_apk", description=__doc__)
    parser.add_argument(
        "--model",
        type=Path,
        default=assets.BUNDLE,
        help="bundle whose .edgectc, lexicon and language model are packed",
    )
    parser.add_argument("--onnx", type=Path, help="artifact for ONNX Runtime, for the self-test")
    parser.add_argument("--pte", type=Path, help="artifact for ExecuTorch, for the self-test")
    parser.add_argument("--out", type=Path, default=HERE / "build" / "edgectc-keyboard.apk")
    parser.add_argument("--install", action="store_true", help="apt-get install missing tools")
    return parser.parse_args()


def missing(options: argparse.Namespace) -> list[str]:
    """Return the Debian packages that lack."""
    runtimes = options.onnx or options.pte
    lacking = set() if FRAMEWORK.exists() else {"android-framework-res"}
    for name, package in {**TOOLS, **(RUNTIME_TOOLS if runtimes else {})}.items():
        try:
            native.tool(name)
        except FileNotFoundError:
            lacking.add(package)
    places = RUNTIME_PACKAGES if options.pte else {}
    return sorted(lacking | {name for name, place in places.items() if not place.exists()})


def build(options: argparse.Namespace) -> Path:
    """Make the APK and return its path; it gets its name only when all checks passed."""
    work = HERE / "build"
    cache = work / "downloads"
    dx = downloads.unpacked(downloads.DX, cache)
    android = downloads.unpacked(downloads.ANDROID_JAR, cache)
    android_jar = android / "usr/share/java/com.android.android-23.jar"
    stage = work / "stage"
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir(parents=True)
    given = {"onnx": options.onnx, "executorch": options.pte}
    assets.gather(options.model, stage / "assets", {name: at for name, at in given.items() if at})
    jar = library(stage)
    runtimes(options, cache, stage / "lib")
    resources(stage)
    classes(stage, android_jar, jar)
    dex = stage / "classes.dex"
    compiler = dx / "usr/share/java/com.android.dx.jar"
    run(["java", "-cp", str(compiler), "com.android.dx.command.Main", "--dex",
         f"--min-sdk-version={MIN_SDK}", f"--output={dex}", str(stage / "classes"),
         str(jar)])  # fmt: skip
    return package(stage, dex, options.out)


def library(stage: Path) -> Path:
    """Build the AAR as any app takes it; return its classes, its machine code beside them."""
    told = run([str(REPOSITORY / "scripts" / "packages"), "aar"])
    with zipfile.ZipFile(told.split()[-1]) as archive:
        archive.extractall(stage / "aar")
    shutil.copytree(stage / "aar" / "jni", stage / "lib")
    return stage / "aar" / "classes.jar"


def runtimes(options: argparse.Namespace, cache: Path, folder: Path) -> None:
    """Put the runtimes that were asked for beside the library, with their shims."""
    for abi in native.ABIS if options.onnx or options.pte else ():
        out = folder / abi
        if options.onnx:
            runtime = downloads.unpacked(downloads.ONNX_RUNTIME, cache)
            native.android_onnx(abi, runtime, out / "libedgectc_ort.so")
            shutil.copy(native.onnx_library(runtime, abi), out)
        if options.pte:
            program = downloads.unpacked(downloads.EXECUTORCH, cache)
            native.android_executorch(abi, program, native.stubs(abi, cache.parent), out)


def resources(stage: Path) -> None:
    """Compile and link what lies in res/, and the manifest."""
    run(["aapt2", "compile", "--dir", str(HERE / "app/res"), "-o", str(stage / "res.zip")])
    run(["aapt2", "link", "-I", str(FRAMEWORK), "--manifest",
         str(HERE / "app/AndroidManifest.xml"), "--java", str(stage / "gen"), "-A",
         str(stage / "assets"), "-o", str(stage / "bare.apk"), str(stage / "res.zip")])  # fmt: skip


def classes(stage: Path, android_jar: Path, jar: Path) -> None:
    """Compile the app; refuse what the dex compiler would mistranslate."""
    sources = [str(path) for folder in (HERE / "runtimes/src", HERE / "app/src", stage / "gen")
               for path in sorted(folder.rglob("*.java"))]  # fmt: skip
    out = stage / "classes"
    out.mkdir()
    run(["javac", "-source", "8", "-target", "8", "-Xlint:all,-options,-serial", "-Werror",
         "-encoding", "UTF-8", "-bootclasspath", str(android_jar), "-cp", str(jar),
         "-XDstringConcat=inline", "-d", str(out), *sources])  # fmt: skip
    names = [str(path) for path in sorted(out.rglob("*.class"))]
    inside = zipfile.ZipFile(jar).namelist()
    names += [f"jar:file://{jar}!/{name}" for name in inside if name.endswith(".class")]
    listing = run(["javap", "-c", "-p", *names])
    if "invokedynamic" in listing:
        raise RuntimeError("a class uses invokedynamic (a lambda?), which dx lets through broken")


def package(stage: Path, dex: Path, out: Path) -> Path:
    """Zip, align, sign, verify."""
    bare, aligned = stage / "bare.apk", stage / "aligned.apk"
    with zipfile.ZipFile(bare, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.write(dex, "classes.dex")
        for library in sorted((stage / "lib").rglob("*.so")):
            archive.write(library, str(library.relative_to(stage)))
    run(["zipalign", "-f", "-p", "4", str(bare), str(aligned)])
    key = HERE / "build" / "debug.keystore"
    if not key.exists():
        run(["keytool", "-genkeypair", "-keystore", str(key), "-storepass", "android", "-alias",
             "debug", "-keyalg", "RSA", "-keysize", "2048", "-validity", "10000", "-dname",
             "CN=edgectc debug"])  # fmt: skip
    run(["apksigner", "sign", "--ks", str(key), "--ks-pass", "pass:android", str(aligned)])
    run(["apksigner", "verify", "--min-sdk-version", str(MIN_SDK), str(aligned)])
    out.parent.mkdir(parents=True, exist_ok=True)
    aligned.replace(out)
    return out


def run(command: list[str]) -> str:
    """Run a program and return its output; its errors become ours."""
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode:
        told = (done.stderr or done.stdout)[-3000:]
        raise RuntimeError(f"{Path(command[0]).name} failed ({done.returncode}):\n{told}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
