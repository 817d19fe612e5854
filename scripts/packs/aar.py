"""The Android library `edgectc`: Java over JNI over the keyboard, as an AAR that Gradle takes.

It needs neither SDK nor NDK: Zig compiles for Android against musl's headers, which declare the few
functions that are used as Android's do, and links against stand-ins; a JDK compiles the Java.
"""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from pathlib import Path

from packs import facts, zig

SOURCE = zig.ROOT / "native" / "java"
NAME = "libedgectc_keyboard.so"
ABIS = {"arm64-v8a": "aarch64-linux-android", "armeabi-v7a": "arm-linux-androideabi",
        "x86_64": "x86_64-linux-android"}  # fmt: skip
# What the libraries ask of Android's; all are there since version 1.
STUBS = {
    "libc.so": "malloc calloc realloc free qsort memcpy memmove memset memcmp memchr strlen strcmp "
    "strcpy strncmp strchr strrchr strstr strpbrk strcspn abort getauxval",
    "libm.so": "exp expm1 log log10 log1p pow rint rintf sqrt sqrtf fmin fmax floor ceil hypot sin "
    "cos sincos nextafterf",
}
# No files: Java keeps the bytes of words() where the app's data lie.
FLAGS = ["-DEDGECTC_NO_FILES", "-fPIC", "-shared", "-s", "-nostdlib", "-fno-builtin-sincos",
         "-fno-stack-protector", "-Wl,-z,max-page-size=16384", "-Wl,--no-undefined",
         "-Wl,--gc-sections"]  # fmt: skip
DATE = (1980, 1, 1, 0, 0, 0)  # so that the same sources make the same bytes


def build(out: Path) -> Path:
    """Write the AAR, whole or not at all; return it.

    Raises:
        PackageError: a compiler is missing, or refused.
    """
    work = out / "aar.partial"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    rules = (SOURCE / "proguard.txt").read_bytes()
    files = {"AndroidManifest.xml": _manifest(), "proguard.txt": rules, "R.txt": b"",
             "classes.jar": _jar(work)}  # fmt: skip
    for abi in ABIS:
        files[f"jni/{abi}/{NAME}"] = library(abi, work / abi).read_bytes()
    made = work / "library.aar"
    _zip(files, made)
    final = out / f"edgectc-{facts.version()}.aar"
    made.replace(final)
    shutil.rmtree(work)
    return final


def library(
    abi: str, work: Path, *, name: str = NAME, entry: Path = SOURCE / "keyboard_jni.c",
    more: dict[str, str] | None = None, options: tuple[str, ...] = (),
) -> Path:  # fmt: skip
    """Compile a library for one of Android's processors: the sources, and the file Java enters by.

    Args:
        more: functions of further system libraries, or of the usual ones, that it asks for.
        options: further ones of the compiler.
    """
    work.mkdir(parents=True)
    stubs = {
        lib: STUBS.get(lib, "") + " " + (more or {}).get(lib, "") for lib in STUBS | (more or {})
    }
    target = ABIS[abi]
    include = _library() / "libc" / "include"
    own = "arm" if target.startswith("arm-") else target.partition("-")[0]
    for lib, functions in stubs.items():
        text = "".join(f"void {function}(void) {{}}\n" for function in functions.split())
        (work / f"{lib}.c").write_text(text, encoding="ascii")
        stub = ["-w", "-fno-builtin", "-shared", "-fPIC", "-nostdlib", f"-Wl,-soname,{lib}"]
        zig.run([*zig.command(), "cc", "-target", target, *stub, str(work / f"{lib}.c"),
                 "-o", str(work / lib)])  # fmt: skip
    helpers = work / "helpers.o"  # what a processor lacks as one instruction
    zig.run([*zig.command(), "build-obj", str(_library() / "compiler_rt.zig"), "-target", target,
             "-O", "ReleaseSmall", "-fPIC", "-fstrip", "-ffunction-sections", "-fdata-sections",
             f"-femit-bin={helpers}"])  # fmt: skip
    headers = [f"-isystem{include / f'{own}-linux-musl'}", f"-isystem{include / 'generic-musl'}"]
    linked = [str(entry), *zig.sources(), str(helpers), *(str(work / lib) for lib in stubs)]
    given = [*FLAGS, *options, *headers, *jni_headers(), f"-Wl,-soname,{name}", *linked]
    return zig.compiled(target, given, work / name)


def host_library(out: Path) -> Path:
    """Compile the same library for this machine's Java."""
    sources = [str(SOURCE / "keyboard_jni.c"), *zig.sources()]
    compiler = shutil.which("cc") or "cc"
    options = ["-shared", "-fPIC", *zig.flags(), *jni_headers()]
    zig.run([compiler, *options, *sources, "-o", str(out), "-lm"])
    return out


def jni_headers() -> list[str]:
    """Return the flags that find the JDK's jni.h.

    Raises:
        PackageError: there is no JDK.
    """
    home = Path(_tool("javac")).resolve().parent.parent
    return [f"-isystem{home / 'include'}", f"-isystem{home / 'include' / 'linux'}"]


def classes(out: Path) -> Path:
    """Compile the Java, for Java 8 as Android's tools take it; return its folder."""
    sources = [str(path) for path in sorted((SOURCE / "src").rglob("*.java"))]
    strict = ["--release", "8", "-Xlint:all,-options,-serial", "-Werror", "-encoding", "UTF-8"]
    zig.run([_tool("javac"), *strict, "-d", str(out), *sources])
    return out


def _jar(work: Path) -> bytes:
    folder = classes(work / "classes")
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*.class"))
    }
    about = {
        "Manifest-Version": "1.0",
        "Implementation-Version": facts.version(),
        "Edgectc-Abi": facts.abi(),
    }
    text = "".join(f"{name}: {value}\r\n" for name, value in about.items()) + "\r\n"
    _zip({"META-INF/MANIFEST.MF": text.encode(), **files}, work / "classes.jar")
    return (work / "classes.jar").read_bytes()


def _manifest() -> bytes:
    text = (SOURCE / "AndroidManifest.xml").read_text(encoding="utf-8")
    named = f'package="org.edgectc" android:versionName="{facts.version()}"'
    return text.replace('package="org.edgectc"', named).encode()


def _library() -> Path:
    told = zig.run([*zig.command(), "env"])
    found = re.search(r'"?\.?lib_dir"?\s*[:=]\s*"([^"]+)"', told)
    if not found:
        raise zig.PackageError(f"zig env names no lib_dir: {told[:200]}")
    return Path(json.loads(f'"{found[1]}"'))


def _tool(name: str) -> str:
    found = shutil.which(name)
    if not found:
        raise zig.PackageError(f"no {name} here; install a JDK, 11 or later")
    return found


def _zip(files: dict[str, bytes], out: Path) -> None:
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, DATE)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, data)
