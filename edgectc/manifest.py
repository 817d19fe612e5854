"""The manifest inside every artifact, and the hash over the whole file. See docs/bundle_format.md.

Standard library and numpy only: a host without protobuf or flatbuffers can do the same.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgectc.config import from_dict, to_dict
from edgectc.errors import BundleError, BundleFileMissingError, BundleMismatchError
from edgectc.types import Array

PREFIX = b'{"edgectc_manifest":1,"file_sha256":"'
_ANY_VERSION = re.compile(rb'\{"edgectc_manifest":(\d{1,9}),"file_sha256":"')
_ZEROS = b"0" * 64


@dataclass(frozen=True)
class Manifest:
    """All that a host needs to run, check and decode one artifact."""

    name: str
    target: str
    scheme: Mapping[str, Any]
    inputs: tuple[Mapping[str, Any], ...]
    output: Mapping[str, Any]
    frontend: Mapping[str, Any]
    tokens: tuple[str, ...]
    blank_id: int
    layouts: tuple[Mapping[str, Any], ...]
    decoder: Mapping[str, Any]
    lexicon: Mapping[str, Any] | None
    reference: Mapping[str, Any]
    source: Mapping[str, Any]
    parity: Mapping[str, Any]
    opset: int | None = None
    language_model: Mapping[str, Any] | None = None
    separator: str = ""

    def text(self) -> str:
        """Return the ASCII JSON text, unsealed: 64 zeros where the hash goes."""
        body = json.dumps(
            to_dict(self), sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=True
        )
        return PREFIX.decode() + _ZEROS.decode() + '","manifest":' + body + "}"


def sealed(data: bytes) -> bytes:
    """Return ``data`` with the digest of the whole file written over its 64 zeros.

    Raises:
        BundleError: the unsealed manifest does not occur exactly once.
    """
    start = _digest_at(data, "data to seal")
    if data[start : start + 64] != _ZEROS:
        raise BundleError("data to seal already carries a hash; build it from a fresh manifest")
    digest = hashlib.sha256(data).hexdigest().encode()
    return data[:start] + digest + data[start + 64 :]


def parse(data: bytes, *, source: str) -> Manifest:
    """Return the manifest of a sealed artifact after checking the hash over all its bytes.

    Raises:
        BundleError: no manifest, an unknown version, or malformed content.
        BundleMismatchError: the bytes are not those that were sealed.
    """
    start = _digest_at(data, source)
    stored = data[start : start + 64]
    whole, digest = memoryview(data), hashlib.sha256()
    for part in (whole[:start], _ZEROS, whole[start + 64 :]):
        digest.update(part)
    actual = digest.hexdigest().encode()
    if stored != actual:
        raise BundleMismatchError(
            f"{source} is damaged: its bytes hash to {actual[:12].decode()}..., its manifest says "
            f"{stored[:12].decode(errors='replace')}...; copy or export it again"
        )
    try:
        # latin-1 keeps one character a byte, and the manifest itself is ASCII.
        text = data[start - len(PREFIX) :].decode("latin-1")
        values, _ = json.JSONDecoder().raw_decode(text)
        return from_dict(Manifest, values["manifest"], where="manifest.")
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError(f"{source} has a malformed manifest: {error}") from error


def read(path: str | Path) -> tuple[bytes, Manifest]:
    """Return the checked bytes and manifest of an artifact; hand these bytes to the runtime.

    Raises:
        BundleFileMissingError: there is no such file.
        BundleError: as `parse`.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise BundleFileMissingError(f"cannot read {path}: {error.strerror}") from error
    return data, parse(data, source=str(path))


def pack_array(array: Array) -> dict[str, Any]:
    """Return the JSON form of an array, little-endian."""
    little = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"))
    return {
        "dtype": array.dtype.name,
        "shape": list(array.shape),
        "base64": base64.b64encode(little.tobytes()).decode(),
    }


def unpack_array(values: Mapping[str, Any]) -> Array:
    """Return the array of its JSON form.

    Raises:
        BundleError: unknown dtype, or bytes that do not fill the shape.
    """
    try:
        if values["dtype"] not in ("float32", "float64", "int32"):
            raise ValueError(f"unexpected dtype {values['dtype']!r}")
        raw = base64.b64decode(values["base64"], validate=True)
        little = np.frombuffer(raw, np.dtype(values["dtype"]).newbyteorder("<"))
        return little.reshape(values["shape"]).astype(values["dtype"])
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError(f"malformed array in manifest: {error}") from error


def _digest_at(data: bytes, source: str) -> int:
    found = list(_ANY_VERSION.finditer(data))
    if len(found) != 1:
        what = "no manifest" if not found else f"{len(found)} manifests"
        raise BundleError(f"{source} has {what} inside; it is not an edgectc artifact")
    if found[0].group(1) != b"1":
        raise BundleError(
            f"{source} has a manifest of version {found[0].group(1).decode()}, this edgectc reads "
            "version 1; upgrade edgectc"
        )
    return found[0].end()
