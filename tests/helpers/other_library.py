"""A plugin of pytest: the tests run with the C library that ``EDGECTC_TESTED_LIBRARY`` names."""

from __future__ import annotations

import os
from pathlib import Path

from edgectc.decoding.search import compiled

compiled.LIBRARY = Path(os.environ["EDGECTC_TESTED_LIBRARY"])
assert compiled.library() is not None, f"{compiled.LIBRARY} cannot be loaded"
