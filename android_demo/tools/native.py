"""Compiles the shims of other runtimes without an NDK: clang, lld, stubs of Android's libc."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
NATIVE = HERE / "runtimes" / "native"
ABIS = {"arm64-v8a": "aarch64", "x86_64": "x86_64"}  # for which the packages have runtimes
ANDROID = ["-nostdlib", "-fuse-ld=lld", "-Wl,-z,max-page-size=16384", "-Wl,-z,now",
           "-Wl,--no-undefined", "-Wl,--build-id=none"]  # fmt: skip
WARNINGS = ["-Wall", "-Wextra", "-Werror"]
LIBCXX = Path("/usr/lib/llvm-14/include/c++/v1")
ARM_HEADERS = Path("/usr/aarch64-linux-gnu/include")


def tool(name: str) -> str:
    """Return a compiler of this name, or the newest one with a version in its name."""
    found = shutil.which(name)
    for version in range(22, 13, -1):
        found = found or shutil.which(f"{name}-{version}")
    if not found:
        raise FileNotFoundError(name)
    return found


def jni_headers() -> list[str]:
    """Return the flags that find the JDK's jni.h."""
    home = Path(shutil.which("javac") or "javac").resolve().parent.parent
    return ["-isystem", str(home / "include"), "-isystem", str(home / "include" / "linux")]


def _common(abi: str) -> list[str]:
    return [tool("clang"), f"--target={ABIS[abi]}-linux-android24", "-fPIC", "-shared",
            "-fvisibility=hidden"]  # fmt: skip


def stubs(abi: str, folder: Path) -> Path:
    """Return a folder with a stand-in of the system's library, to link against only."""
    made = folder / f"stubs-{abi}"
    made.mkdir(parents=True, exist_ok=True)
    _run([*_common(abi), "-fvisibility=default", "-nostdlib", "-fuse-ld=lld", "-w", "-fno-builtin",
          "-Wl,-soname,libc.so", "-o", str(made / "libc.so"), str(NATIVE / "stubs.c")])  # fmt: skip
    return made


def android_onnx(abi: str, runtime: Path, out: Path) -> None:
    """Build libedgectc_ort.so for Android."""
    _run([*_common(abi), "-std=c11", "-O2", "-isystem", str(NATIVE / "include"), *WARNINGS,
          *ANDROID, "-ffreestanding", *_onnx_sources(runtime), "-o", str(out),
          f"-L{onnx_library(runtime, abi).parent}", "-lonnxruntime"])  # fmt: skip


def onnx_library(runtime: Path, abi: str) -> Path:
    """Return ONNX Runtime's own library for Android, in its unpacked package."""
    return runtime / "package/android/src/main/jniLibs" / abi / "libonnxruntime.so"


def android_executorch(abi: str, package: Path, stubs_folder: Path, out: Path) -> None:
    """Build libedgectc_et.so and put ExecuTorch beside it."""
    third = package / "package" / "third-party"
    source = third / "android/libs/executorch" / abi / "libexecutorch.so"
    # Its own name inside is another: the loader looks for that one.
    library = out / "libexecutorch_jni.so"
    shutil.copy(source, library)
    _run([*_common(abi), *ANDROID, "-Wl,-soname,libfbjni.so", "-w", "-o", str(out / "libfbjni.so"),
          str(NATIVE / "fbjni_stub.c")])  # fmt: skip
    headers = [f"-isystem{LIBCXX}", *_c_headers(abi), f"-isystem{third / 'include'}",
               *jni_headers()]  # fmt: skip
    _run([*_common(abi), *ANDROID, "-x", "c++", "-std=c++17", "-O2", "-fno-exceptions", "-fno-rtti",
          "-fno-threadsafe-statics", "-DNDEBUG", "-nostdinc++", "-fvisibility-inlines-hidden",
          "-D_LIBCPP_ABI_NAMESPACE=__ndk1", "-DC10_USING_CUSTOM_GENERATED_MACROS", *WARNINGS,
          *headers, str(NATIVE / "et_jni.cpp"), "-o", str(out / "libedgectc_et.so"),
          f"-L{out}", f"-L{stubs_folder}", "-x", "none", str(library), "-lc"])  # fmt: skip


def _c_headers(abi: str) -> list[str]:
    # Only declarations: glibc's headers say the same of the few functions that are used.
    if ABIS[abi] == "aarch64":
        return [f"-isystem{ARM_HEADERS}"]
    return ["-isystem/usr/include/x86_64-linux-gnu", "-isystem/usr/include"]


def _onnx_sources(runtime: Path) -> list[str]:
    headers = runtime / "package" / "prebuilt" / "include" / "onnxruntime"
    return [*jni_headers(), "-isystem", str(headers), str(NATIVE / "ort_jni.c")]


def host_onnx(runtime: Path, library: Path, out: Path) -> None:
    """Build the same shim for this machine's Java, against the ONNX Runtime of a Python wheel."""
    _run([tool("gcc"), "-std=c11", "-O2", "-shared", "-fPIC", *_onnx_sources(runtime),
          "-o", str(out), str(library), f"-Wl,-rpath,{library.parent}"])  # fmt: skip


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:2])} failed:\n{done.stderr}")
