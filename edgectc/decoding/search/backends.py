"""Which search a decoder runs: the compiled one, or the plain one with the same answers."""

from __future__ import annotations

from edgectc.core.errors import ConfigError, UnknownNameError
from edgectc.decoding.search.compiled import Library, library

BACKENDS = ("auto", "numpy", "native")


def chosen(backend: str) -> Library | None:
    """Return the compiled searches where a backend means them, None for the plain ones.

    Raises:
        UnknownNameError: no such backend.
        ConfigError: "native", and they were not built.
    """
    if backend not in BACKENDS:
        raise UnknownNameError("backend", backend, BACKENDS)
    loaded = None if backend == "numpy" else library()
    if backend == "native" and loaded is None:
        raise ConfigError("the compiled search was not built; reinstall with a C compiler")
    return loaded
