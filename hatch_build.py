"""Compiles the decoders' C files into the wheel; without a compiler the wheel is pure Python."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import sys_tags

SOURCES = Path("native/src")
LIBRARY = Path("edgectc/decoding/search/_compiled.so")  # of every .c of SOURCES
# Sums may be reordered, so that dot products vectorise; NaN and infinity keep their meaning.
FLAGS = [
    "-O3", "-std=c11", "-shared", "-fPIC", "-fvisibility=hidden",
    "-fno-math-errno", "-fno-signed-zeros", "-fno-trapping-math", "-fassociative-math",
]  # fmt: skip


class CustomBuildHook(BuildHookInterface):
    """Adds ``_compiled.so`` to wheels and editable installs."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile beside the sources and tell hatchling that the wheel is not pure."""
        sources = sorted((Path(self.root) / SOURCES).glob("*.c"))
        library = Path(self.root) / LIBRARY
        compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
        if not compiler:
            print("no C compiler: edgectc will decode with numpy", file=sys.stderr)
            return
        temporary = library.with_name(f".{library.name}.{os.getpid()}")
        try:
            command = [*compiler.split(), *FLAGS, "-o", str(temporary), *map(str, sources), "-lm"]
            subprocess.run(command, check=True)
            temporary.replace(library)
        except (OSError, subprocess.CalledProcessError) as error:
            print(
                f"the C compiler failed, edgectc will decode with numpy: {error}", file=sys.stderr
            )
            return
        finally:
            temporary.unlink(missing_ok=True)
        platform = next(sys_tags()).platform
        build_data["tag"] = f"py3-none-{platform}"
        build_data["pure_python"] = False
        build_data["artifacts"].append(str(LIBRARY))
