"""An artifact is one file, or one folder: what would have its runtime open another is refused.

The seal covers the bytes of the artifact alone. A tensor whose values lie in another file would be
read from wherever that file is found, the current folder included.

Source: ``onnx.proto`` of ONNX 1.23, whose field numbers stand below.
"""

from __future__ import annotations

from collections.abc import Mapping

from edgectc.core.errors import BundleError
from edgectc.formats import native_program, protobuf
from edgectc.formats.coreai_asset import check_asset
from edgectc.formats.one_package import check_package
from edgectc.formats.one_program import check_pte

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
    elif target == "native" and isinstance(content, bytes):
        native_program.read(content)
    elif target == "coreml" and not isinstance(content, bytes):
        check_package(content, source)
    elif target == "coreai" and not isinstance(content, bytes):
        check_asset(content, source)


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
