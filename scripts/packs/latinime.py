"""`libjni_latinime.so` for keyboards of AOSP's family: swipes to edgectc, all else to the host.

For 64-bit Android alone: on 32 bits Zig's headers count file offsets otherwise than Android does.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from packs import aar, facts, zig

NAME = "libjni_latinime.so"
SOURCE = zig.ROOT / "native" / "latinime" / "latinime.c"
ABIS = ("arm64-v8a", "x86_64")
MORE = {
    "libc.so": "open close fstat mmap snprintf pthread_mutex_lock pthread_mutex_unlock",
    "libdl.so": "dlopen dlsym dladdr",
}
HIDDEN = "-DEDGECTC_API="  # no name of it may meet one of the host's library


def build(out: Path) -> Path:
    """Write the libraries, a folder for each processor, whole or not at all; return their folder.

    Raises:
        PackageError: a compiler is missing, or refused.
    """
    work, final = out / "latinime.partial", out / f"latinime-{facts.version()}"
    shutil.rmtree(work, ignore_errors=True)
    made = work / "made"
    for abi in ABIS:
        library = android_library(abi, work / abi)
        (made / abi).mkdir(parents=True)
        library.replace(made / abi / NAME)
    shutil.rmtree(final, ignore_errors=True)
    made.replace(final)
    shutil.rmtree(work)
    return final


def android_library(abi: str, work: Path) -> Path:
    """Compile the library for one of Android's processors."""
    return aar.library(abi, work, name=NAME, entry=SOURCE, more=MORE, options=(HIDDEN,))


def host_library(out: Path, target: str = "") -> Path:
    """Compile the same library for this machine's Java, or for that of another by Zig's name."""
    return java_library([str(SOURCE), *zig.sources()], out, target)


def java_library(sources: list[str], out: Path, target: str = "") -> Path:
    """Compile a library that Java loads, for this machine or another by Zig's name."""
    options = ["-shared", "-fPIC", HIDDEN, *aar.jni_headers(), *sources]
    options += ["-lm", "-ldl", "-lpthread"]
    if target:
        return zig.compiled(target, options, out)
    zig.run([shutil.which("cc") or "cc", *zig.flags(), *options, "-o", str(out)])
    return out
