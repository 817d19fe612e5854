"""Signatures of artifacts and bundles: who made them, which a seal cannot tell.

A signature is a file of its own, ``NAME.sig`` beside the artifact ``NAME``, and ``bundle.json.sig``
in a bundle. It is JSON: `Signature`. What is signed is `message`: the hash that the seal of an
artifact states, or that of ``bundle.json``, which lists the hashes of the bundle's files.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

from edgectc.core import ed25519, strict_json
from edgectc.core.config import check_version, dumps, from_dict, to_dict
from edgectc.core.errors import (
    BundleError,
    BundleFileMissingError,
    BundleMismatchError,
    ConfigError,
)
from edgectc.core.files import read_plain
from edgectc.formats.public_keys import MOST_BYTES, Trusted, fingerprint, unpacked
from edgectc.formats.records import check_sha256

VERSION = 1
SUFFIX = ".sig"
ARTIFACT, BUNDLE = "artifact", "bundle"
_ALGORITHM = "ed25519"


@dataclass(frozen=True)
class Signature:
    """The content of a signature file.

    Attributes:
        sha256: that was signed.
        public_key: base64 of the 32 bytes of the key that it is said to be made with.
        signature: base64 of 64 bytes.
    """

    sha256: str
    public_key: str
    signature: str
    algorithm: str = _ALGORITHM
    schema_version: int = VERSION

    def __post_init__(self) -> None:
        if self.algorithm != _ALGORITHM:
            raise ConfigError(f"algorithm is {self.algorithm!r}, expected {_ALGORITHM!r}")
        check_sha256("sha256", self.sha256)
        for name, text, size in (
            ("public_key", self.public_key, 32),
            ("signature", self.signature, 64),
        ):
            if len(unpacked(text)) != size:
                raise ConfigError(f"{name} is {text[:100]!r}, expected base64 of {size} bytes")


def check(trusted: Trusted, path: Path, kind: str, sha256: str) -> str:
    """Return the fingerprint of the key that a file is signed with.

    Args:
        trusted: keys to believe.
        path: of the signed file; the signature is ``path.sig``.
        kind: `ARTIFACT` or `BUNDLE`.
        sha256: what its bytes hash to, checked.

    Raises:
        BundleFileMissingError: it has no signature.
        BundleError: the signature is malformed.
        BundleMismatchError: another key; changed after it was signed; or a wrong signature.
    """
    stated, how = read(path, kind), _how(path, kind)
    key = unpacked(stated.public_key)
    if key not in trusted.keys:
        known = ", ".join(map(fingerprint, trusted.keys))
        raise BundleMismatchError(
            f"{path} is signed with the key {fingerprint(key)}, and {trusted.file} trusts "
            f"{known}; get it from who holds a trusted key, or add this key to the file if you "
            "know its owner"
        )
    if stated.sha256 != sha256:
        raise BundleMismatchError(
            f"{path} was changed after it was signed: its hash is {sha256[:12]}..., the "
            f"signature is of {stated.sha256[:12]}...; get both files again, or have it signed "
            f"again with: {how}"
        )
    if not ed25519.verify(key, message(kind, sha256), unpacked(stated.signature)):
        raise BundleMismatchError(
            f"{path}: the signature in {place(path).name} was not made with the key "
            f"{fingerprint(key)} that it names; do not use the file"
        )
    return fingerprint(key)


def message(kind: str, sha256: str) -> bytes:
    """Return the bytes that are signed: three lines of ASCII, each with a line feed."""
    return f"edgectc signature {VERSION}\n{kind}\n{sha256}\n".encode("ascii")


def place(path: Path) -> Path:
    """Return where the signature of a file lies."""
    return path.with_name(path.name + SUFFIX)


def _how(path: Path, kind: str) -> str:
    return f"edgectc sign {path.parent if kind == BUNDLE else path} --key KEY"


def read(path: Path, kind: str) -> Signature:
    """Return the signature beside a file of this kind.

    Raises:
        BundleFileMissingError: there is none.
        BundleError: it is malformed.
    """
    where = place(path)
    try:
        values = strict_json.parse(read_plain(where, most=MOST_BYTES))
        if not isinstance(values, dict):
            raise ConfigError("not a JSON object")
        check_version(f"{where}", values.get("schema_version", VERSION), VERSION)
        return from_dict(Signature, values)
    except FileNotFoundError as error:
        raise BundleFileMissingError(
            f"{path} is not signed: there is no {where.name} beside it; have its maker sign it "
            f"with: {_how(path, kind)} or leave trust out",
            options=["trust"],
        ) from error
    except OSError as error:
        raise BundleError(f"{where}: {error.strerror}") from error
    except ConfigError as error:
        raise BundleError(f"{where} is malformed: {error}") from error


def text(kind: str, sha256: str, public_key: bytes, signature: bytes) -> str:
    """Return the content of a signature file.

    Raises:
        ConfigError: the signature is not one of this message with this key.
    """
    if not ed25519.verify(public_key, message(kind, sha256), signature):
        raise ConfigError("the signature does not belong to the key and the message")
    key, signed = (base64.b64encode(part).decode() for part in (public_key, signature))
    return dumps(to_dict(Signature(sha256, key, signed)))
