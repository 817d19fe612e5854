"""Compiles the C library into the wheel; without a compiler the wheel is pure Python.

`scripts/wheels` builds for other platforms than this one: it names a compiler for them in CC, and
in EDGECTC_PLATFORM the tag of the wheel, such as ``manylinux_2_17_aarch64``.
"""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import sys_tags


class CustomBuildHook(BuildHookInterface):
    """Adds the library to wheels and editable installs."""

    folder: Path | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and tell hatchling that the wheel is not pure.

        Raises:
            SystemExit: EDGECTC_PLATFORM is set and nothing can be compiled: a wheel for that
                platform without its library would be taken for a whole one.
        """
        native = runpy.run_path(str(Path(self.root) / "native" / "build.py"))
        inside = native["LIBRARY"].relative_to(self.root)
        platform = os.environ.get("EDGECTC_PLATFORM")
        library = native["LIBRARY"]
        if version != "editable":  # a library of another platform must not come into the tree
            self.folder = Path(tempfile.mkdtemp())
            library = self.folder / inside.name
        try:
            native["library"](library)
        except (OSError, subprocess.CalledProcessError) as error:
            if platform:
                sys.exit(f"no library for {platform}: {error}")
            print(f"edgectc will decode with numpy: {error}", file=sys.stderr)
            return
        build_data["tag"] = f"py3-none-{platform or next(sys_tags()).platform}"
        build_data["pure_python"] = False
        if library != native["LIBRARY"] and not platform:
            self._leave(library, native["LIBRARY"])
        if version == "editable":
            build_data["artifacts"].append(str(inside))
        else:
            build_data["force_include"][str(library)] = str(inside)

    def _leave(self, library: Path, place: Path) -> None:
        """Leave this machine's library in the tree, for Python that is started there."""
        if not os.access(place.parent, os.W_OK):
            return
        temporary = place.with_name(f".{place.name}.{os.getpid()}")
        shutil.copyfile(library, temporary)
        temporary.replace(place)

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was compiled for this wheel alone."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
