"""`edgectc.sign`: who made an artifact or bundle, in a file beside it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from edgectc.core.arguments import File, checked
from edgectc.core.errors import ConfigError, MissingDependencyError
from edgectc.core.files import read_given
from edgectc.core.staging import write_bytes
from edgectc.core.types import Document
from edgectc.formats import bundle as bundles
from edgectc.formats import manifest as manifests
from edgectc.formats import public_keys, signature

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_MAKE = "openssl genpkey -algorithm ed25519 -out KEY"


@checked
def sign(model: File, *, key: File, passphrase_file: File | None = None) -> Document:
    """Return the fingerprint of the key (``key``) and the signature files (``signatures``).

    An artifact gets ``NAME.sig`` beside it; a bundle ``bundle.json.sig`` in it, and one for every
    artifact in it. All is checked by its hashes before, and signatures that are there are replaced.

    Args:
        model: an artifact or a bundle.
        key: Ed25519 private key, PEM as OpenSSL writes it or as ssh-keygen does.
        passphrase_file: file whose first line is the key's passphrase; None for a key without.

    Raises:
        BundleError: there is no such model, or it is damaged: that is not signed.
        ConfigError: the key cannot be read.
        MissingDependencyError: the package cryptography is not installed.
    """
    path = bundles.locate(model)
    private = _private_key(key, passphrase_file)
    public = private.public_key().public_bytes_raw()
    made = []
    for file, kind, sha256 in _to_sign(path):
        signed = private.sign(signature.message(kind, sha256))
        place = signature.place(file)
        write_bytes(place, signature.text(kind, sha256, public, signed).encode())
        made.append(str(place))
    return Document({"key": public_keys.fingerprint(public), "signatures": made})


def _to_sign(path: Path) -> list[tuple[Path, str, str]]:
    """Return what is signed: path, kind and checked hash of each part."""
    if not bundles.is_bundle(path):
        return [(path, signature.ARTIFACT, manifests.seal(manifests.read(path)[0]))]
    bundle = bundles.read(path)
    for name in bundle.index.files:
        bundle.file(name)
    parts = [part for artifact in bundle.artifacts() for part in _to_sign(artifact)]
    return [(bundle.path / bundles.INDEX, signature.BUNDLE, bundle.sha256), *parts]


def _private_key(file: File, passphrase_file: File | None) -> Ed25519PrivateKey:
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import (
            load_pem_private_key,
            load_ssh_private_key,
        )
    except ImportError as error:
        raise MissingDependencyError("signing", package="cryptography", extra="sign") from error
    name, data = (
        os.fspath(file),
        read_given(file, "key", most=public_keys.MOST_BYTES, options=["key"]),
    )
    passphrase = None
    if passphrase_file is not None:
        passphrase = (
            read_given(
                passphrase_file,
                "passphrase",
                most=public_keys.MOST_BYTES,
                options=["passphrase_file"],
            )
            .split(b"\n")[0]
            .rstrip(b"\r")
        )
    read = load_ssh_private_key if b"BEGIN OPENSSH" in data else load_pem_private_key
    try:
        private = read(data, passphrase)
    except TypeError as error:  # a passphrase that is not there, or not needed
        lacking = passphrase is None
        what = "needs a passphrase; give passphrase_file" if lacking else "needs no passphrase"
        raise ConfigError(f"the key {name} {what}", options=["key", "passphrase_file"]) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        why = "is no private key" if passphrase is None else "is no private key, or not with it"
        raise ConfigError(f"{name} {why}; make one with: {_MAKE}", options=["key"]) from error
    if not isinstance(private, Ed25519PrivateKey):
        raise ConfigError(f"{name} is no Ed25519 key; make one with: {_MAKE}", options=["key"])
    return private
