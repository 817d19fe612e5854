"""Compiles the C library into the wheel; without a compiler the wheel is pure Python."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import sys_tags


class CustomBuildHook(BuildHookInterface):
    """Adds the library to wheels and editable installs."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile beside the sources and tell hatchling that the wheel is not pure."""
        native = runpy.run_path(str(Path(self.root) / "native" / "build.py"))
        if not native["compiler"]():
            print("no C compiler: edgectc will decode with numpy", file=sys.stderr)
            return
        try:
            native["library"]()
        except (OSError, subprocess.CalledProcessError) as error:
            print(
                f"the C compiler failed, edgectc will decode with numpy: {error}", file=sys.stderr
            )
            return
        build_data["tag"] = f"py3-none-{next(sys_tags()).platform}"
        build_data["pure_python"] = False
        build_data["artifacts"].append(str(native["LIBRARY"].relative_to(self.root)))
