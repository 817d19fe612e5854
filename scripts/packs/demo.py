"""The browser keyboard of `edgectc demo`: its sources as they are, beside the npm package."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from packs import npm, zig

SOURCE = zig.ROOT / "web_demo" / "src"
SITE = zig.ROOT / "edgectc" / "commands" / "serving" / "site"


def build(out: Path) -> Path:
    """Make the page anew, whole or not at all; return its folder.

    Raises:
        PackageError: the package could not be built.
    """
    package = npm.build(out)
    staging = Path(tempfile.mkdtemp(prefix=f"{SITE.name}.", dir=SITE.parent))
    try:
        shutil.copytree(SOURCE, staging, dirs_exist_ok=True)
        shutil.copytree(package, staging / "package", ignore=shutil.ignore_patterns("*.d.ts"))
        for path in sorted((staging / "app").glob("*.js")):  # a browser knows no package by name
            text = path.read_text(encoding="utf-8")
            linked = re.sub(r'(from )"edgectc"', r'\1"../package/index.js"', text)
            linked = linked.replace('from "edgectc/worker"', 'from "../package/worker.js"')
            path.write_text(linked, encoding="utf-8")
        staging.chmod(0o755)
        shutil.rmtree(SITE, ignore_errors=True)
        staging.rename(SITE)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return SITE
