"""Public keys of whom to believe: PEM as OpenSSL writes it, or lines as ssh-keygen does."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from edgectc.core import ed25519
from edgectc.core.errors import ConfigError
from edgectc.core.files import read_given

MOST_BYTES = 1 << 20  # of a file of keys, or of a signature
_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----\s*?\n(.*?)-----END \1-----", re.DOTALL)
_SPKI = bytes.fromhex("302a300506032b6570032100")  # RFC 8410: what stands before the 32 bytes
_SSH = "ssh-ed25519"
_MAKE = "openssl pkey -in KEY -pubout -out PUBLIC"


@dataclass(frozen=True)
class Trusted:
    """Public keys of whom to believe.

    Attributes:
        file: that they were read from.
        keys: 32 bytes each.
    """

    file: str
    keys: tuple[bytes, ...]


def trusted(file: str | os.PathLike[str]) -> Trusted:
    """Return the public keys in a file: PEM as OpenSSL writes it, or lines as ssh-keygen does.

    Raises:
        ConfigError: it cannot be read, or holds something else than Ed25519 public keys.
    """
    name = os.fspath(file)
    data = read_given(name, "keys", most=MOST_BYTES, options=["trust"])
    try:
        content = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"the keys {name!r} are no text", options=["trust"]) from error
    keys = tuple(_keys(content, name))
    if not keys:
        raise ConfigError(f"{name} holds no public key; make one with: {_MAKE}", options=["trust"])
    return Trusted(name, keys)


def _keys(content: str, name: str) -> Iterator[bytes]:
    for found in _PEM.finditer(content):
        if found[1].endswith("PRIVATE KEY"):
            raise ConfigError(f"{name} holds a private key; give the public one: {_MAKE}")
        der = unpacked("".join(found[2].split()))
        if found[1] != "PUBLIC KEY" or not der.startswith(_SPKI):
            raise ConfigError(f"{name} holds a {found[1]} that is no Ed25519 public key")
        yield _checked(der[len(_SPKI) :], name)
    for number, line in enumerate(_PEM.sub("", content).splitlines(), start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] != _SSH or len(words) < 2:
            raise ConfigError(
                f"{name}: line {number} is no Ed25519 public key: {line[:40]!r}; expected PEM, or "
                f"'{_SSH} BASE64'"
            )
        blob = unpacked(words[1])
        if blob[:-32] != _ssh_blob(b""):
            raise ConfigError(f"{name}: line {number} is no Ed25519 public key")
        yield _checked(blob[-32:], name)


def _checked(key: bytes, name: str) -> bytes:
    if not ed25519.is_public_key(key):
        raise ConfigError(f"{name} holds {key.hex()[:16]}..., which is no usable public key")
    return key


def fingerprint(key: bytes) -> str:
    """Return the name of a public key, as ``ssh-keygen -l`` prints it."""
    digest = hashlib.sha256(_ssh_blob(key)).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def _ssh_blob(key: bytes) -> bytes:
    """Return the binary form of a public key, RFC 8709; of b"" what stands before the key."""
    kind = _SSH.encode()
    return struct.pack(">I", len(kind)) + kind + struct.pack(">I", 32) + key


def unpacked(text: str) -> bytes:
    """Return the bytes of base64, b"" of what is none or could be written otherwise."""
    try:
        data = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return b""
    return data if base64.b64encode(data).decode() == text else b""
