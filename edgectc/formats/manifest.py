"""The manifest inside every artifact, and the hash over the whole file. See docs/bundle_format.md.

Standard library and numpy only: a host without protobuf or flatbuffers can do the same.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgectc.core import registry, strict_json
from edgectc.core.config import OMITTED, from_dict, to_dict
from edgectc.core.errors import (
    BundleError,
    BundleFileMissingError,
    BundleMismatchError,
    ConfigError,
)
from edgectc.core.files import read_plain
from edgectc.core.staging import recover
from edgectc.core.tokens import Tokens
from edgectc.core.types import Array
from edgectc.formats import one_file
from edgectc.formats.layouts import Layout
from edgectc.formats.records import (
    GraphInput,
    GraphOutput,
    NamedFile,
    PackedArray,
    ReferenceCase,
    SchemeRecord,
    Source,
    Streaming,
)
from edgectc.formats.truncation import is_cut_short

VERSION = 1
PREFIX = b'{"edgectc_manifest":%d,"file_sha256":"' % VERSION
_ANY_VERSION = re.compile(rb'\{"edgectc_manifest":(\d{1,9}),"file_sha256":"')
_ZEROS = b"0" * 64
_BODY = '","manifest":'  # what follows the hash

# Of an artifact: the bytes of a file, or of each file in a folder by its relative path.
Content = bytes | dict[str, bytes]


@dataclass(frozen=True)
class Manifest:
    """All that a host needs to run, check and decode one artifact."""

    name: str
    target: str
    scheme: SchemeRecord
    inputs: tuple[GraphInput, ...]
    output: GraphOutput
    frontend: Mapping[str, Any]
    tokens: tuple[str, ...]
    blank_id: int
    layouts: tuple[Layout, ...]
    decoder: Mapping[str, Any]
    lexicon: NamedFile | None
    reference: Mapping[str, ReferenceCase]
    source: Source
    parity: Mapping[str, float]
    opset: int | None = None
    language_model: NamedFile | None = None
    separator: str = ""
    family: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    streaming: Streaming | None = field(default=None, metadata=OMITTED)
    reference_file: NamedFile | None = field(default=None, metadata=OMITTED)
    pronunciations: NamedFile | None = field(default=None, metadata=OMITTED)

    def __repr__(self) -> str:
        parts = f"{self.target}, {self.scheme.type}, {len(self.tokens)} tokens"
        return f"Manifest({self.name!r}, {parts}, {len(self.reference)} reference cases)"

    def __post_init__(self) -> None:
        if not self.inputs:
            raise ConfigError("inputs is empty, expected the frames and their length")
        for key in ("frontend", "decoder"):
            registry.check_spec(key, vars(self)[key])
        Tokens(self.tokens, self.blank_id, self.separator)
        if self.streaming is not None and self.streaming.chunk % self.output.stride:
            raise ConfigError(
                f"streaming.chunk is {self.streaming.chunk}, expected a multiple of the stride, "
                f"{self.output.stride}"
            )

    def text(self) -> str:
        """Return the ASCII JSON text, unsealed: 64 zeros where the hash goes."""
        body = json.dumps(
            to_dict(self), sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=True
        )
        return PREFIX.decode() + _ZEROS.decode() + _BODY + body + "}"


def sealed(data: Content) -> Content:
    """Return ``data`` with the digest of all of it written over its 64 zeros.

    Args:
        data: bytes of a file, or of each file of a folder by its relative path.

    Raises:
        BundleError: the unsealed manifest does not occur exactly once.
    """
    files = _files(data)
    name, start = _digest_at(files, "data to seal")
    if files[name][start : start + 64] != _ZEROS:
        raise BundleError("data to seal already carries a hash; build it from a fresh manifest")
    digest = _digest(data, name, start).encode()
    done = files[name][:start] + digest + files[name][start + 64 :]
    return done if isinstance(data, bytes) else {**data, name: done}


def parse(data: Content, *, source: str) -> Manifest:
    """Return the manifest of a sealed artifact after checking the hash over all its bytes.

    Raises:
        BundleError: no manifest, an unknown version, or malformed content.
        BundleMismatchError: the bytes are not those that were sealed.
    """
    files = _files(data)
    name, start = _digest_at(files, source)
    stored = files[name][start : start + 64]
    actual = _digest(data, name, start).encode()
    if stored != actual:
        raise BundleMismatchError(
            f"{source} is damaged: its bytes hash to {actual[:12].decode()}..., its manifest says "
            f"{stored[:12].decode(errors='replace')}...; copy or export it again"
        )
    try:
        # latin-1 keeps one character a byte, and the manifest itself is ASCII.
        text = files[name][start + 64 :].decode("latin-1")
        if not text.startswith(_BODY):
            raise ConfigError(f"expected {_BODY!r} after the hash, got {text[: len(_BODY)]!r}")
        values = strict_json.parse(text, start=len(_BODY))
        return from_dict(Manifest, values, where="manifest.")
    except ConfigError as error:
        raise BundleError(f"{source} has a malformed manifest: {error}") from error


def seal(data: Content) -> str:
    """Return the hash that a sealed artifact states, 64 hex digits.

    Raises:
        BundleError: there is no manifest.
    """
    files = _files(data)
    name, start = _digest_at(files, "the artifact")
    return files[name][start : start + 64].decode("ascii")


def read(path: str | Path) -> tuple[Content, Manifest]:
    """Return the checked content and manifest of an artifact; hand this content to the runtime.

    Raises:
        BundleFileMissingError: there is no such file.
        BundleError: as `parse`; or its runtime would open another file, see `one_file`.
    """
    artifact = Path(path)
    recover(artifact)
    try:
        data: Content = folder(artifact) if artifact.is_dir() else read_plain(artifact)
    except OSError as error:
        raise BundleFileMissingError(f"cannot read {path}: {error.strerror}") from error
    manifest = parse(data, source=str(path))
    one_file.check(data, manifest.target, str(path))
    return data, manifest


def folder(path: Path) -> dict[str, bytes]:
    """Return the bytes of every file in a folder by its relative path, with "/" between names.

    Raises:
        BundleError: it holds a link, or something that is no file.
    """
    files = {}
    for file in sorted(path.rglob("*")):
        if file.is_symlink() or not (file.is_file() or file.is_dir()):
            raise BundleError(f"{file} is no plain file; an artifact holds nothing else")
        if file.is_file():
            files[file.relative_to(path).as_posix()] = read_plain(file)
    return files


def size(data: Content) -> int:
    """Return the bytes of an artifact, manifest included."""
    return sum(len(content) for content in _files(data).values())


def pack_array(array: Array) -> dict[str, Any]:
    """Return the JSON form of an array, little-endian."""
    packed: dict[str, Any] = to_dict(PackedArray.of(array))
    return packed


def unpack_array(values: Mapping[str, Any]) -> Array:
    """Return the array of its JSON form.

    Raises:
        BundleError: unknown dtype, or bytes that do not fill the shape.
    """
    try:
        return from_dict(PackedArray, values, where="array.").array()
    except ConfigError as error:
        raise BundleError(f"malformed array: {error}") from error


def _files(data: Content) -> Mapping[str, bytes]:
    return {"": data} if isinstance(data, bytes) else data


def _digest(data: Content, name: str, start: int) -> str:
    """Return the hash of a file's bytes; of a folder, of the list of its files' hashes and paths.

    The list has one line a file, ``SHA256  PATH``, sorted by the bytes of the path. The 64 bytes
    from ``start`` of the file ``name`` are taken as zeros.
    """

    def hashed(key: str, content: bytes) -> str:
        if key != name:
            return hashlib.sha256(content).hexdigest()
        whole, digest = memoryview(content), hashlib.sha256()
        for part in (whole[:start], _ZEROS, whole[start + 64 :]):
            digest.update(part)
        return digest.hexdigest()

    if isinstance(data, bytes):
        return hashed(name, data)
    lines = (f"{hashed(key, data[key])}  {key}\n" for key in sorted(data, key=str.encode))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _digest_at(files: Mapping[str, bytes], source: str) -> tuple[str, int]:
    """Return the file that holds the manifest, and where its digest begins."""
    matches = [(name, m) for name, data in files.items() for m in _ANY_VERSION.finditer(data)]
    if len(matches) != 1:
        if not matches and any(is_cut_short(data) for data in files.values()):
            raise BundleError(f"{source} ends before its own end; copy or export it again")
        what = "no manifest" if not matches else f"{len(matches)} manifests"
        raise BundleError(f"{source} has {what} inside; it is not an edgectc artifact")
    name, match = matches[0]
    if int(match.group(1)) != VERSION:
        raise BundleError(
            f"{source} has a manifest of version {match.group(1).decode()}, this edgectc reads "
            f"version {VERSION}; upgrade edgectc"
        )
    return name, match.end()
