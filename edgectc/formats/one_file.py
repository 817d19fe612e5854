"""An artifact is one file, or one folder: what would have its runtime open another is refused.

The seal covers the bytes of the artifact alone. A tensor whose values lie in another file would be
read from wherever that file is found, the current folder included.

Source: ``onnx.proto`` of ONNX 1.23, ``exir/_serialize/program.fbs`` and
``backends/xnnpack/serialization/schema.fbs`` of ExecuTorch 1.4, ``MIL.proto`` and ``Model.proto``
of coremltools 9.0, whose field numbers stand below.
"""

from __future__ import annotations

import posixpath
import struct
from collections.abc import Iterator, Mapping

from edgectc.core import strict_json
from edgectc.core.errors import BundleError, ConfigError
from edgectc.formats import protobuf
from edgectc.formats.flatbuffer import Table
from edgectc.formats.records import check_inside

ONNX: protobuf.Schema = {
    "Model": {7: "Graph", 20: "Training", 25: "Function"},
    "Graph": {1: "Node", 5: "Tensor", 15: "SparseTensor"},
    "Training": {1: "Graph", 2: "Graph"},
    "Function": {7: "Node", 11: "Attribute"},
    "Node": {5: "Attribute"},
    "Attribute": {
        5: "Tensor",
        6: "Graph",
        10: "Tensor",
        11: "Graph",
        22: "SparseTensor",
        23: "SparseTensor",
    },
    "SparseTensor": {1: "Tensor", 2: "Tensor"},
    "Tensor": {},
}
_NAME, _EXTERNAL_DATA, _DATA_LOCATION = 8, 13, 14  # fields of an ONNX tensor
MIL: protobuf.Schema = {
    "Model": {502: "Program"},
    "Program": {2: "FunctionEntry", 4: "ValueEntry"},
    "FunctionEntry": {2: "Function"},
    "Function": {1: "NamedType", 3: "BlockEntry", 4: "ValueEntry"},
    "BlockEntry": {2: "Block"},
    "Block": {1: "NamedType", 3: "Operation", 4: "ValueEntry"},
    "Operation": {2: "ArgumentEntry", 3: "NamedType", 4: "Block", 5: "ValueEntry"},
    "ArgumentEntry": {2: "Argument"},
    "Argument": {1: "Binding"},
    "Binding": {2: "Value"},
    "ValueEntry": {2: "Value"},
    "Value": {2: "Type", 3: "Immediate", 5: "BlobFile"},
    "Immediate": {2: "Values", 3: "Values", 4: "Dictionary"},
    "Values": {1: "Value"},
    "Dictionary": {1: "Pair"},
    "Pair": {1: "Value", 2: "Value"},
    "NamedType": {2: "Type"},
    "Type": {1: "TensorType", 2: "ListType", 3: "TupleType", 4: "DictionaryType", 5: "StateType"},
    "TensorType": {4: "ValueEntry"},
    "ListType": {1: "Type"},
    "TupleType": {1: "Type"},
    "DictionaryType": {1: "Type", 2: "Type"},
    "StateType": {1: "Type"},
    "BlobFile": {},
}
_MIL_FIELDS = {1, 2, 10, 502}  # of a Core ML model: version, description, isUpdatable, mlProgram
_PLACE = "@model_path/"


def check(content: bytes | Mapping[str, bytes], target: str, source: str) -> None:
    """Refuse an artifact that would have its runtime open another file.

    Args:
        content: of the file, or of each file of a folder by its relative path.
        target: that it is made for; one that is not known here is left to its runner.
        source: names the artifact in messages.

    Raises:
        BundleError: names the artifact, the tensor and what to do.
    """
    if target == "onnx" and isinstance(content, bytes):
        check_onnx(content, source)
    elif target == "pte" and isinstance(content, bytes):
        check_pte(content, source)
    elif target == "coreml" and not isinstance(content, bytes):
        check_package(content, source)


def check_onnx(data: bytes, source: str) -> None:
    """Refuse an ONNX file with a tensor whose values lie in another file.

    Initializers, sparse ones, attributes, inner graphs, functions and training information are
    looked into.

    Raises:
        BundleError: there is such a tensor, or the bytes are no ONNX file.
    """
    if data[4:8] == b"ORTM":
        raise BundleError(f"{source} is in ONNX Runtime's own format; export it as ONNX")
    try:
        for tensor in protobuf.messages(data, ONNX, "Model", "Tensor"):
            place = _place_of(tensor)
            if place is not None:
                raise BundleError(
                    f"{source}: the values of the tensor {protobuf.text(tensor, _NAME)!r} lie in "
                    f"another file, {place!r}; save the model in one file, "
                    "onnx.save(onnx.load(PATH), ONE_FILE), and make the artifact from that"
                )
    except ValueError as error:
        if isinstance(error, BundleError):
            raise
        raise BundleError(f"{source} is no ONNX file: {error}") from error


def _place_of(tensor: memoryview) -> str | None:
    """Return the file that holds a tensor's values, "" for one without a name; None for none."""
    place, entries = None, []
    for number, value in protobuf.fields(tensor):
        if number == _EXTERNAL_DATA and isinstance(value, memoryview):
            entries.append((protobuf.text(value, 1), protobuf.text(value, 2)))
        # An enumeration keeps the low 32 bits of its number.
        elif number == _DATA_LOCATION and isinstance(value, int) and value & 0xFFFFFFFF:
            place = ""
    return dict(entries).get("location", "") if entries else place


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


def check_package(files: Mapping[str, bytes], source: str) -> None:
    """Refuse a Core ML package that names a file outside of itself.

    Raises:
        BundleError: it does, or it holds no ML program.
    """
    try:
        root = _root_model(files)
        strange = {number for number, _ in protobuf.fields(files[root])} - _MIL_FIELDS
        if strange:
            raise ConfigError(f"its model is no ML program: field {min(strange)}")
        for blob in protobuf.messages(files[root], MIL, "Model", "BlobFile"):
            name = protobuf.text(blob, 1)
            place = posixpath.join(posixpath.dirname(root), name.removeprefix(_PLACE))
            if not name.startswith(_PLACE) or place not in files:
                raise ConfigError(
                    f"its weights lie in {name!r}, which is no file of the package; save it with "
                    "coremltools, MLModel.save, and make the artifact from that"
                )
    except ValueError as error:  # also of what is no protobuf
        raise BundleError(f"{source}: {error}") from error


def _root_model(files: Mapping[str, bytes]) -> str:
    """Return the path of the model that ``Manifest.json`` of a package names."""
    manifest = strict_json.parse(files.get("Manifest.json", b""))
    items = manifest.get("itemInfoEntries") if isinstance(manifest, dict) else None
    if not isinstance(items, dict):
        raise ConfigError("Manifest.json has no itemInfoEntries")
    paths = {}
    for key, item in items.items():
        path = item.get("path") if isinstance(item, dict) else None
        if not isinstance(path, str):
            raise ConfigError(f"Manifest.json gives no path for {key}")
        check_inside(path)
        paths[key] = f"Data/{path}"
    root = manifest.get("rootModelIdentifier")
    if not isinstance(root, str) or paths.get(root) not in files:
        raise ConfigError("Manifest.json names a model that is no file of the package")
    return paths[root]
