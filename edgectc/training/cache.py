"""Prepared samples in a folder, so that the next run need not read, resample or generate them.

A file is named by a hash of all it was made of: the data, the options, and the source of the code
that prepares samples, keyboards and plugins of other packages included. Whatever changes, another
file is made; none is ever stale, and all of them may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from edgectc.core import registry
from edgectc.core.config import dumps
from edgectc.core.messages import say
from edgectc.core.staging import write_bytes
from edgectc.core.types import Array
from edgectc.data import readers
from edgectc.data.sources import Sources
from edgectc.language.lexicon import Lexicon

Arrays = dict[str, Array]
# What prepares samples, and what that reads, by folder; with all that is in them.
_PREPARING = ("core", "data", "formats", "language", "training")
_PLUGINS = ("frontends", "samples", "tasks")  # kinds of those that take part in it


def recall(folder: Path | None, about: Mapping[str, Any], make: Callable[[], Arrays]) -> Arrays:
    """Return what ``make`` gives, from ``folder`` if it was made before; None always makes it.

    Args:
        folder: of the cache; made if it is not there.
        about: everything that the arrays depend on, but for the code: plain values, a file of
            samples, a lexicon.
        make: gives arrays of numbers and text.
    """
    if folder is None:
        return make()
    named = {key: _named(value) for key, value in about.items()}
    text = dumps({"about": named, "source": source_sha256(), "numpy": np.__version__})
    path = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.npz"
    if path.exists():
        try:
            with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
                return {name: file[name] for name in file.files}
        except Exception as error:  # of zipfile, zlib and numpy, which share no class
            say(f"edgectc: {path} cannot be read ({error}); made again")
    arrays = make()
    packed = io.BytesIO()
    np.savez(packed, **arrays)  # type: ignore[arg-type]
    write_bytes(path, packed.getvalue())
    return arrays


def flat(rows: Sequence[Sequence[int]], name: str) -> Arrays:
    """Return rows of integers as two arrays, ``NAME`` and ``NAME_length``."""
    return {
        name: np.array([value for row in rows for value in row], np.int64),
        f"{name}_length": np.array([len(row) for row in rows], np.int64),
    }


def rows_of(arrays: Mapping[str, Array], name: str) -> tuple[tuple[int, ...], ...]:
    """Return the rows that `flat` took apart."""
    ends = np.cumsum(arrays[f"{name}_length"])
    return tuple(tuple(row.tolist()) for row in np.split(arrays[name], ends)[:-1])


def prefixed(prefix: str, arrays: Mapping[str, Array]) -> Arrays:
    """Return arrays under longer names, so that several sets lie in one file; see `part`."""
    return {prefix + name: array for name, array in arrays.items()}


def part(arrays: Mapping[str, Array], prefix: str) -> Arrays:
    """Return the arrays that `prefixed` gave longer names."""
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}


def _named(value: Any) -> Any:
    """Return plain values for what is told from others by its content."""
    if isinstance(value, Sources):
        files = [[part, readers.content_sha256(path)] for part, path in value.files()]
        return {"files": files, "split_by": value.split_by}
    if isinstance(value, Path):
        return readers.content_sha256(value)
    if isinstance(value, Lexicon):
        digest = hashlib.sha256(value.log_probs.tobytes())
        digest.update("\n".join(value.words).encode())
        return digest.hexdigest()
    return value


@lru_cache(maxsize=1)
def source_sha256() -> str:
    """Return a hash of the code and keyboards that prepare samples, ours and of plugins."""
    digest = hashlib.sha256()
    package = Path(str(resources.files("edgectc")))
    files = [file for name in _PREPARING for file in _sources(package / name)]
    for kind in _PLUGINS:
        files += [file for origin in registry.foreign(kind) for file in _beside(origin)]
    for file in dict.fromkeys(files):
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()


def _beside(module: Path) -> list[Path]:
    """Return a module of another package, with all modules of its package."""
    folder = module.parent
    return _sources(folder) if (folder / "__init__.py").is_file() else [module]


def _sources(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.suffix in (".py", ".json"))
