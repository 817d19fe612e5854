"""A Core ML package is one folder: a path that leaves it is refused.

Source: ``MIL.proto`` and ``Model.proto`` of coremltools 9.0, whose field numbers stand below.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from edgectc.core import strict_json
from edgectc.core.errors import BundleError, ConfigError
from edgectc.formats import protobuf
from edgectc.formats.records import check_inside

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
