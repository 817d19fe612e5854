"""The rows of swipes in any format that is read as it is: JSON lines, shards, or a collection's.

Other collections are made into JSON lines by `edgectc data import`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from edgectc.data import shards, swipe_files
from edgectc.data.importers import futo
from edgectc.data.swipe_files import DEFAULT_LAYOUT, Row

TABLE = ".parquet"


def read(path: str | Path, *, layout: str = DEFAULT_LAYOUT) -> Iterator[Row]:
    """Yield the rows of a file, or of a folder of shards; ``.parquet`` is read as FUTO's.

    Args:
        path: of the file; ``.parquet`` has the columns of `edgectc.data.importers.futo`.
        layout: keyboard of the rows of JSON lines that name none.

    Raises:
        InputError: reason ``unreadable_file``, when the reading gets there.
        MissingDependencyError: the file needs a package that is absent.
    """
    if Path(path).suffix == TABLE:
        return futo.rows(Path(path))
    if shards.is_set(Path(path), shards.SWIPES):
        return _sharded(Path(path), layout)
    return swipe_files.read(path, layout=layout)


def _sharded(path: Path, layout: str) -> Iterator[Row]:
    """Yield the rows of a set of shards, first those that could not be read when it was made."""
    found, index = shards.open_set(path), 0
    for error in shards.left_out(found):
        yield Row(index, None, error)
        index += 1
    for shard in found.index.shards:
        opened = found.opened(shard)
        for row in range(len(opened)):
            yield Row(index, opened.swipe(row, default=layout), None)
            index += 1
        opened.pages.release()
