"""An ExecuTorch program is one file: constants in another one (``.ptd``) are refused; its memory.

Source: ``exir/_serialize/program.fbs`` and ``backends/xnnpack/serialization/schema.fbs`` of
ExecuTorch 1.4, whose field numbers stand below.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from edgectc.core.errors import BundleError
from edgectc.formats.flatbuffer import Table


def check_pte(data: bytes, source: str) -> None:
    """Refuse an ExecuTorch program with a tensor whose values lie in another file, a ``.ptd``.

    Raises:
        BundleError: there is such a tensor, or the bytes are no ExecuTorch program.
    """
    try:
        if data[4:6] != b"ET":
            raise ValueError("no ExecuTorch identifier")
        for name in _outside_program(data):
            raise BundleError(
                f"{source}: the values of the tensor {name!r} lie in another file (.ptd); export "
                "the program with its constants inside, without external_constants"
            )
    except (ValueError, IndexError, struct.error) as error:
        if isinstance(error, BundleError):
            raise
        raise BundleError(f"{source} is no ExecuTorch program: {error}") from error


def planned(data: bytes) -> dict[str, int]:
    """Return the bytes of the buffers that each method of a program plans, of those that need any.

    XNNPACK's own workspace is not among them: it is made when a method is loaded.
    """
    sizes = {plan.text(0): sum(plan.numbers(8, "q")) for plan in Table.root(data).tables(1)}
    return {name: size for name, size in sorted(sizes.items()) if size}


def _outside_program(data: bytes) -> Iterator[str]:
    """Yield the names of tensors of a program, and of its XNNPACK graphs, that are not inside."""
    root, budget = Table.root(data), _Budget(len(data))
    inside = {entry.text(0) for entry in budget.of(root.tables(7))}
    for plan in budget.of(root.tables(1)):
        for value in budget.of(plan.tables(2)):
            tensor = value.table(1) if value.number(0, "B") == 5 else None
            more = tensor.table(9) if tensor else None
            if more is not None and more.number(2, "b"):
                yield more.text(1)
        for delegate in budget.of(plan.tables(7)):
            graph = _xnnpack(data, root, delegate)
            for stored in budget.of(graph.tables(8)) if graph else ():
                if (name := stored.text(2)) and name not in inside:
                    yield name


class _Budget:
    """Ends reading of tables that are listed more often than a file of its size can hold."""

    def __init__(self, size: int) -> None:
        self._left = size

    def of(self, tables: Iterator[Table]) -> Iterator[Table]:
        for table in tables:
            self._left -= 1
            if self._left < 0:
                raise ValueError("it lists more tables than it has bytes")
            yield table


def _xnnpack(data: bytes, root: Table, delegate: Table) -> Table | None:
    """Return the graph of an XNNPACK delegate, None of another one."""
    where = delegate.table(1)
    if where is None:
        return None
    index = where.number(1)
    if where.number(0, "b") == 0:
        blob = list(root.tables(3))[index].raw(0)
    else:
        base = int(struct.unpack_from("<Q", data, 24)[0]) if data[8:12] == b"eh00" else 0
        segment = list(root.tables(4))[index]
        start = base + segment.number(0, "Q")
        blob = data[start : start + segment.number(1, "Q")]
    if blob[4:8] != b"XH00":
        return None
    return Table.root(blob, struct.unpack_from("<I", blob, 10)[0])
