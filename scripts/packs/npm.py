"""The npm package `edgectc`: ES modules, their types, and the library as WebAssembly."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from packs import facts, zig

SOURCE = zig.ROOT / "native" / "npm"
# There are no files here, words() gives bytes instead, and no other thread that could cancel.
LEFT_OUT = {f"edgectc_keyboard_{name}" for name in ("save", "load", "cancel")}
SMALL = Path(__file__).with_name("wasm_small.c")
MOST_BYTES = 130 * 1024  # of the WebAssembly
# Small, as it travels: -O3 makes it a third larger, and swipes no faster; -flto saves 2 KB.
WASM = [
    "-Os",
    "-mllvm",
    "-inline-threshold=-50",
    "-fno-vectorize",
    "-fno-slp-vectorize",
    "-fno-unroll-loops",
    "-mexec-model=reactor",
    "-msimd128",
    "-flto",
    "-Wl,--gc-sections",
    "-Wl,--strip-all",
]


def build(out: Path) -> Path:
    """Write the package's folder, ready for `npm pack`, whole or not at all; return it.

    Raises:
        PackageError: the compiler refused, or the library is too large.
    """
    folder, staging = out / "npm", out / "npm.partial"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    for path in sorted(SOURCE.iterdir()):
        shutil.copy(path, staging)
    for name in ("LICENSE", "NOTICE"):
        shutil.copy(zig.ROOT / name, staging)
    about = json.loads((SOURCE / "package.json").read_text(encoding="utf-8"))
    about = {"name": about.pop("name"), "version": facts.version(), **about}
    text = json.dumps(about, indent=2, ensure_ascii=False) + "\n"
    (staging / "package.json").write_text(text, encoding="utf-8")
    wasm(staging / "library.wasm")
    shutil.rmtree(folder, ignore_errors=True)
    staging.rename(folder)
    return folder


def wasm(out: Path) -> Path:
    """Compile the library; what a keyboard does not call is left out."""
    calls = [name for name in facts.functions("edgectc_keyboard_") if name not in LEFT_OUT]
    names = ["malloc", "free", "edgectc_abi", "edgectc_context", *calls]
    exports = [f"-Wl,--export={name}" for name in names]
    zig.compiled("wasm32-wasi", [*WASM, *exports, str(SMALL), *zig.sources()], out)
    if (size := out.stat().st_size) > MOST_BYTES:
        raise zig.PackageError(f"{out.name} has {size} bytes, expected {MOST_BYTES} at most")
    out.chmod(0o644)
    return out
