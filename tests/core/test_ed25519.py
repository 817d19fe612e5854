"""Ed25519 against the vectors of RFC 8032, and against OpenSSL through the package cryptography."""

from __future__ import annotations

import numpy as np
import pytest

from edgectc.core import ed25519

# RFC 8032, 7.1: secret key, public key, message, signature.
VECTORS = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701c"
        "f9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0"
        "f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f76098"
        "4dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]
L = 2**252 + 27742317777372353535851937790883648493
# Points of order 1, 2, 4 and 8: with any of them as key, signatures can be made without a secret.
SMALL = [
    bytes([1] + [0] * 31),
    bytes([0xEC] + [0xFF] * 30 + [0x7F]),
    bytes(32),
    bytes([0] * 31 + [0x80]),
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
]


@pytest.mark.parametrize("vector", VECTORS)
def test_the_vectors_of_the_rfc(vector: tuple[str, ...]) -> None:
    _, key, message, signature = (bytes.fromhex(part) for part in vector)
    assert ed25519.verify(key, message, signature)
    assert not ed25519.verify(key, message + b"x", signature)


@pytest.mark.parametrize("vector", VECTORS)
def test_every_single_changed_bit_is_noticed(vector: tuple[str, ...]) -> None:
    _, key, message, signature = (bytes.fromhex(part) for part in vector)
    for bit in range(0, 512, 5):
        changed = bytearray(signature)
        changed[bit // 8] ^= 1 << bit % 8
        assert not ed25519.verify(key, message, bytes(changed))
    for bit in range(0, 256, 5):
        changed = bytearray(key)
        changed[bit // 8] ^= 1 << bit % 8
        assert not ed25519.verify(bytes(changed), message, signature)


def test_a_signature_has_one_spelling() -> None:
    _, key, message, signature = (bytes.fromhex(part) for part in VECTORS[1])
    s = int.from_bytes(signature[32:], "little") + L
    assert not ed25519.verify(key, message, signature[:32] + s.to_bytes(32, "little"))
    for other in (b"", signature[:63], signature + b"\0"):
        assert not ed25519.verify(key, message, other)


@pytest.mark.parametrize("key", SMALL)
def test_keys_that_anybody_can_sign_with_are_none(key: bytes) -> None:
    assert not ed25519.is_public_key(key)
    neutral = bytes([1] + [0] * 31)
    assert not ed25519.verify(key, b"anything", neutral + bytes(32))


@pytest.mark.parametrize("key", [b"", bytes(31), b"\xff" * 32, bytes([2] + [0] * 31)])
def test_what_is_no_point_is_no_key(key: bytes) -> None:
    assert not ed25519.is_public_key(key)
    assert not ed25519.verify(key, b"", bytes(64))


def test_it_agrees_with_openssl() -> None:
    pytest.importorskip("cryptography")
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

    rng = np.random.default_rng(0)
    for secret, key, message, signature in VECTORS:
        private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret))
        assert private.public_key().public_bytes_raw().hex() == key
        assert private.sign(bytes.fromhex(message)).hex() == signature
    answers = {True: 0, False: 0}
    for number in range(300):
        private = Ed25519PrivateKey.from_private_bytes(rng.bytes(32))
        key, message = private.public_key().public_bytes_raw(), rng.bytes(int(rng.integers(100)))
        signature = bytearray(private.sign(message))
        if number % 3 == 1:
            signature[int(rng.integers(64))] ^= 1 << int(rng.integers(8))
        if number % 3 == 2 and number % 2:
            message += b"\0"
        if number % 30 == 0:
            s = (int.from_bytes(signature[32:], "little") + L) % 2**256
            signature[32:] = s.to_bytes(32, "little")
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(bytes(signature), message)
            theirs = True
        except InvalidSignature:
            theirs = False
        assert ed25519.verify(key, message, bytes(signature)) is theirs
        answers[theirs] += 1
    assert min(answers.values()) > 50
