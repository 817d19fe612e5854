"""NumPy where it is used: its import takes as long as all else a keyboard's first word needs."""

from __future__ import annotations

import sys
from typing import Any


class _Numpy:
    """The module, imported when a name of it is first asked for."""

    def __getattr__(self, name: str) -> Any:
        import numpy

        value = getattr(numpy, name)
        setattr(self, name, value)
        return value


np = _Numpy()


def is_numpy(value: Any, *names: str) -> bool:
    """Return whether a value is of one of these types of NumPy; where it is not loaded none is."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, tuple(getattr(numpy, name) for name in names))
