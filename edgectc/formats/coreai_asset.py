"""What a Core AI artifact is made of: the files of a model asset, and the manifest beside them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from edgectc.core.errors import BundleError

SUFFIX = ".aimodel"
MANIFEST = "edgectc-manifest.json"
FILES = ("main.mlirb", "main.hash", "metadata.json")  # as coreai-core 1.0.0b3 saves one function
_MLIR = b"ML\xefR"  # how bytecode of MLIR begins


def check_asset(files: Mapping[str, bytes], source: str) -> None:
    """Refuse a folder that holds other files than a model asset of one function has.

    A program that was compiled for some machine lies there under another name, and would be run
    instead of the one that the manifest was made with. A program that is none ends the process
    that loads it, so it is held against its own hash.

    Raises:
        BundleError: names the file.
    """
    wanted = {*FILES, MANIFEST}
    if strange := sorted({*files} ^ wanted):
        what = "lacks" if strange[0] in wanted else "has a file of its own,"
        raise BundleError(
            f"{source} {what} {strange[0]!r}; a Core AI artifact holds {', '.join(sorted(wanted))}"
        )
    program, stated, _ = (files[name] for name in FILES)
    if not program.startswith(_MLIR) or hashlib.sha256(program).digest() != stated:
        raise BundleError(f"{source}: {FILES[0]} is not the program that {FILES[1]} was made of")
