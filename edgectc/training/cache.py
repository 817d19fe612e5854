"""Prepared samples in a folder, so that the next run need not read, resample or generate them.

They are columns that are read where they lie, so that what a run does not use takes no memory. A
set of them is a folder, named by a hash of all it was made of: the data, the options, and the
source of the code that prepares samples, keyboards and plugins of other packages included. Whatever
changes, another one is made; none is ever stale, and all of them may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from edgectc.core import column_files, registry
from edgectc.core.column_files import ColumnWriter, Ragged, Texts
from edgectc.core.config import dumps
from edgectc.core.messages import say
from edgectc.core.staging import claimed, staged_folder
from edgectc.core.types import Array
from edgectc.data import readers
from edgectc.data.sources import Sources
from edgectc.language.lexicon import Lexicon

Arrays = dict[str, Array]
# What prepares samples, and what that reads, by folder; with all that is in them.
_PREPARING = ("core", "data", "formats", "language", "training")
_PLUGINS = ("frontends", "samples", "tasks")  # kinds of those that take part in it
_SIZES = "sizes.json"  # of the files of a set: one that was cleared away in part is made again
_END = "_end"
_WAIT_S = 6 * 3600.0  # for another process that prepares the same samples


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
    return kept(folder, about, lambda writer: writer.put(make()))


def kept(
    folder: Path, about: Mapping[str, Any], write: Callable[[ColumnWriter], None]
) -> dict[str, Array]:
    """Return the columns that ``write`` writes, as they lie in ``folder``, mapped and not copied.

    Of several processes that ask for the same ones, one writes them and the others wait.

    Args:
        folder: of the cache; made if it is not there.
        about: as `recall` takes it.
        write: is called if they were not written before.
    """
    named = {key: _named(value) for key, value in about.items()}
    text = dumps({"about": named, "source": source_sha256(), "numpy": np.__version__})
    path = folder / hashlib.sha256(text.encode()).hexdigest()[:32]
    found = _found(path)
    if found is not None:
        return found
    with claimed(path, wait=_WAIT_S):
        if (found := _found(path)) is None:
            with staged_folder(path) as new:
                writer = ColumnWriter(new)
                write(writer)
                writer.close()
                (new / _SIZES).write_text(json.dumps(_sizes(new)), encoding="utf-8")
            found = column_files.read(path)
    return found


def _found(path: Path) -> dict[str, Array] | None:
    """Return a set of columns; None if it is not there or not whole."""
    if not path.exists():
        return None
    try:
        if json.loads((path / _SIZES).read_text(encoding="utf-8")) != _sizes(path):
            raise ValueError("a part is missing")
        return column_files.read(path)
    except (OSError, ValueError) as error:
        say(f"edgectc: {path} cannot be read ({error}); made again")
        return None


def _sizes(folder: Path) -> dict[str, int]:
    return {file.name: file.stat().st_size for file in sorted(folder.glob("*.npy"))}


def flat(rows: Sequence[Sequence[int]], name: str) -> Arrays:
    """Return rows of integers as two arrays, ``NAME`` and ``NAME_end``."""
    values, ends = column_files.ragged(rows)
    return {name: values, f"{name}_end": ends}


def flat_texts(rows: Sequence[str], name: str) -> Arrays:
    """Return texts as two arrays, ``NAME`` and ``NAME_end``."""
    values, ends = column_files.texts(rows)
    return {name: values, f"{name}_end": ends}


def rows_of(arrays: Mapping[str, Array], name: str) -> Ragged:
    """Return the rows that `flat` took apart."""
    return Ragged(arrays[name], arrays[f"{name}_end"])


def texts_of(arrays: Mapping[str, Array], name: str) -> Texts:
    """Return the texts that `flat_texts` took apart."""
    return Texts(arrays[name], arrays[f"{name}_end"])


def append(writer: ColumnWriter, prefix: str, arrays: Mapping[str, Array]) -> None:
    """Add rows to columns; the ends of rows of several values count from the first piece."""
    placed = {}
    for name, array in arrays.items():
        if name.endswith(_END):
            array = array + writer.rows(prefix + name.removesuffix(_END))
        placed[prefix + name] = array
    writer.append(placed)


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
