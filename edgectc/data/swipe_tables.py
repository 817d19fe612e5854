"""The rows of a file of swipes in any format that is read as it is: JSON lines, or a collection's.

Other collections are made into JSON lines by `edgectc data import`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from edgectc.data import swipe_files
from edgectc.data.importers import futo
from edgectc.data.swipe_files import DEFAULT_LAYOUT, Row

TABLE = ".parquet"


def read(path: str | Path, *, layout: str = DEFAULT_LAYOUT) -> Iterator[Row]:
    """Yield the rows of a file; ``.parquet`` has the columns of `edgectc.data.importers.futo`.

    Args:
        path: of the file.
        layout: keyboard of the rows of JSON lines that name none.

    Raises:
        InputError: reason ``unreadable_file``, when the reading gets there.
        MissingDependencyError: the file needs a package that is absent.
    """
    if Path(path).suffix == TABLE:
        return futo.rows(Path(path))
    return swipe_files.read(path, layout=layout)
