"""Builds the source archive, from it a wheel per platform, and checks each as an index would.

    scripts/wheels [--out dist] [PLATFORM ...]

Zig's C compiler holds the headers and libraries of every platform, so one machine builds for all.
Each wheel is made of the unpacked source archive, which proves that it is whole. Then:

- twine reads the metadata;
- auditwheel says for which Linux the library is good, by the symbols that it asks of glibc;
- the library is of the named format and processor, exports the functions that Python calls and
  nothing else, and asks for no other library than the C library.
"""

from __future__ import annotations

import argparse
import os
import re
import runpy
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import lief

ROOT = Path(__file__).resolve().parent.parent
MOST_BYTES = 25_000_000  # of a wheel
LIBRARY = "edgectc/decoding/search/_native.so"
NEEDED = (  # what all of these systems have
    r"lib[cm]\.so\.6|libc\.so|ld-linux-.*|/usr/lib/libSystem\.B\.dylib|@rpath/_native\.so"
    r"|kernel32\.dll|ntdll\.dll|api-ms-win-crt-.*\.dll"
)
# What linkers add to every library.
LINKERS = {"init", "fini", "DllMainCRTStartup", "__dso_handle", "_mh_dylib_header"}


@dataclass(frozen=True)
class Platform:
    """A platform that wheels are built for.

    Attributes:
        target: as Zig names it, with the oldest C library or system.
        processor: as LIEF names it.
    """

    target: str
    processor: str


PLATFORMS = {
    "manylinux_2_17_x86_64": Platform("x86_64-linux-gnu.2.17", "X86_64"),
    "manylinux_2_17_aarch64": Platform("aarch64-linux-gnu.2.17", "AARCH64"),
    "musllinux_1_2_x86_64": Platform("x86_64-linux-musl", "X86_64"),
    "musllinux_1_2_aarch64": Platform("aarch64-linux-musl", "AARCH64"),
    "macosx_11_0_arm64": Platform("aarch64-macos.11.0", "ARM64"),
    "macosx_10_15_x86_64": Platform("x86_64-macos.10.15", "X86_64"),
    "win_amd64": Platform("x86_64-windows-gnu", "AMD64"),
    "win_arm64": Platform("aarch64-windows-gnu", "ARM64"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("platforms", nargs="*", metavar="PLATFORM", help=", ".join(PLATFORMS))
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="default: dist")
    args = parser.parse_args()
    for name in args.platforms:
        if name not in PLATFORMS:
            stop(f"no platform {name!r}, expected one of {', '.join(PLATFORMS)}")
    with tempfile.TemporaryDirectory() as work:
        archive = built(ROOT, Path(work), "--sdist")
        print(f"{archive.name}: {archive.stat().st_size / 1e6:.1f} MB", flush=True)
        with tarfile.open(archive) as tar:
            tar.extractall(work)  # made above; filters came with Python 3.11.4
        source = Path(work) / archive.name.removesuffix(".tar.gz")
        made = [archive]
        for name in args.platforms or PLATFORMS:
            wheel = built(source, Path(work), "--wheel", platform=name)
            check(wheel, name)
            made.append(wheel)
            print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB, checked", flush=True)
        subprocess.run([sys.executable, "-m", "twine", "check", "--strict", *made], check=True)
        args.out.mkdir(parents=True, exist_ok=True)
        for path in made:  # all of them or none: what is in the folder has passed
            shutil.copy2(path, args.out / path.name)


def built(source: Path, out: Path, kind: str, *, platform: str = "") -> Path:
    """Build one file from a source tree with the tools of this environment, and return it."""
    environment = dict(os.environ)
    if platform:
        # -s leaves the symbols of debuggers out, half of the file. A Mac's library holds its own
        # name, which else is that of a temporary file.
        target = PLATFORMS[platform].target
        named = " -install_name @rpath/_native.so" if "macos" in target else ""
        environment["CC"] = f"{sys.executable} -m ziglang cc -s{named} -target {target}"
        environment["EDGECTC_PLATFORM"] = platform
    before = {*out.iterdir()}
    command = [sys.executable, "-m", "build", "--no-isolation", kind, "--outdir", str(out)]
    done = subprocess.run(
        [*command, str(source)], env=environment, text=True, capture_output=True, check=False
    )
    if done.returncode:
        stop(f"{kind} {platform}: {done.stdout}{done.stderr}")
    return next(path for path in {*out.iterdir()} - before if path.is_file())


def check(wheel: Path, platform: str) -> None:
    """Refuse a wheel that an index or a machine of its platform would refuse."""
    if not wheel.name.endswith(f"-py3-none-{platform}.whl"):
        stop(f"{wheel.name}: expected a wheel for {platform}")
    if (size := wheel.stat().st_size) > MOST_BYTES:
        stop(f"{wheel.name} has {size} bytes, expected {MOST_BYTES} at most")
    with zipfile.ZipFile(wheel) as file:
        names = file.namelist()
        if len(names) != len({*names}):
            stop(f"{wheel.name} holds a name twice")
        check_library(file.read(LIBRARY), wheel.name, platform)
    if platform.startswith("manylinux"):  # musl's libc has no versions that it could read
        audit(wheel, platform)


def check_library(data: bytes, wheel: str, platform: str) -> None:
    """Refuse a library of another format, with other functions, or that needs other libraries."""
    library = lief.parse(list(data))
    if library is None:
        stop(f"{wheel}: {LIBRARY} is no library")
    header = library.abstract.header
    processor = re.sub(r".*\.", "", str(machine(library)))
    if processor != PLATFORMS[platform].processor:
        stop(f"{wheel}: {LIBRARY} is for {processor} ({header.architecture})")
    exported = {function.name.removeprefix("_") for function in library.exported_functions}
    exported -= LINKERS
    if exported != functions():
        stop(f"{wheel}: exports differ by {sorted(exported ^ functions())}")
    needed = [name for name in library.abstract.libraries if not re.fullmatch(NEEDED, name, re.I)]
    if needed:
        stop(f"{wheel}: needs {', '.join(needed)}")


def machine(library: lief.Binary) -> object:
    """Return the processor as the format itself names it."""
    if isinstance(library, lief.ELF.Binary):
        return library.header.machine_type
    if isinstance(library, lief.PE.Binary):
        return library.header.machine
    return library.header.cpu_type


def functions() -> set[str]:
    """Return the names of the functions that Python calls."""
    compiled = runpy.run_path(str(ROOT / "edgectc" / "decoding" / "search" / "compiled.py"))
    return {f"edgectc_{name}" for name in compiled["FUNCTIONS"]}


def audit(wheel: Path, platform: str) -> None:
    """Refuse a wheel whose library asks for a newer libc than its tag promises."""
    done = subprocess.run(
        [sys.executable, "-m", "auditwheel", "show", str(wheel)],
        text=True, capture_output=True, check=False,
    )  # fmt: skip
    told = " ".join(done.stdout.split())
    fits = re.search(r'consistent with the following platform tag: "([^"]+)"', told)
    if not fits or platform not in told:
        stop(f"{wheel.name}: {told or done.stderr}")


def stop(why: str) -> NoReturn:
    sys.exit(f"wheels: {why}")


if __name__ == "__main__":
    main()
