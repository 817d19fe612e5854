"""trust.json: tensors in other files, signatures."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

from edgectc.formats import one_file, signature
from edgectc.formats.manifest import PREFIX, seal, sealed
from vectors.common import VERSION, outcome


def trust() -> dict[str, Any]:
    """Return which ONNX files would have another one opened, and which signatures are believed."""
    return {
        "golden": VERSION,
        "onnx": [_onnx(name, data) for name, data in _onnx_files().items()],
        "signatures": [*_signatures()],
    }


def _field(number: int, value: bytes | int) -> bytes:
    """Return a field of a protobuf, shorter than 128 bytes."""
    if isinstance(value, int):
        return bytes([*_varint(number << 3), *_varint(value)])
    assert len(value) < 128
    return bytes([*_varint(number << 3 | 2), len(value)]) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _onnx_files() -> dict[str, bytes]:
    entry = _field(1, b"location") + _field(2, b"side.bin")
    tensor = _field(8, b"w") + _field(13, entry) + _field(14, 1)
    graph, attribute = _field(5, tensor), _field(5, _field(5, tensor))
    inner = _field(1, _field(5, _field(6, graph)))
    deep = b""
    for _ in range(40):
        deep = _nested(_nested(_nested(deep, 6), 5), 1)
    return {
        "plain": _field(7, _field(5, _field(8, b"w") + _field(9, b"1234"))),
        "another-field": _field(7, _field(2, tensor)),
        "initializer": _field(7, graph),
        "sparse": _field(7, _field(15, _field(2, tensor))),
        "attribute": _field(7, _field(1, attribute)),
        "sparse-attribute": _field(7, _field(1, _field(5, _field(22, _field(1, tensor))))),
        "inner-graph": _field(7, inner),
        "function": _field(25, _field(7, attribute)),
        "default-of-a-function": _field(25, _field(11, _field(5, tensor))),
        "training": _field(20, _field(1, graph)),
        "graph-twice": _field(7, b"") + _field(7, graph),
        "no-location": _field(7, _field(5, _field(14, 1))),
        "location-alone": _field(7, _field(5, _field(13, entry))),
        "long-number": _field(7, _field(5, _field(14, 1 | 1 << 32))),
        "cut": _field(7, graph)[:-1],
        "group": bytes([3 << 3 | 3, 3 << 3 | 4]),
        "deep": _nested(deep, 7),
        "other-format": b"\x08\x00\x00\x00ORTM",
    }


def _nested(data: bytes, number: int) -> bytes:
    return bytes([*_varint(number << 3 | 2), *_varint(len(data))]) + data


def _onnx(name: str, data: bytes) -> dict[str, Any]:
    refused = outcome(lambda: one_file.check_onnx(data, "file"), str) is not None
    return {"name": name, "base64": base64.b64encode(data).decode(), "refused": refused}


def _signatures() -> Iterator[dict[str, Any]]:
    """Yield cases with the secret keys of RFC 8032, 7.1; a test alone may use them."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    secrets = (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    )
    mine, other = (Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text)) for text in secrets)
    keys = [base64.b64encode(key.public_key().public_bytes_raw()).decode() for key in (mine, other)]
    file = sealed(b"a graph" + PREFIX + b"0" * 64 + b'","manifest":{"name":"x"}}')
    assert isinstance(file, bytes)
    digest = seal(file)

    def signed(key: Ed25519PrivateKey, sha256: str = digest, kind: str = "artifact") -> str:
        public = key.public_key().public_bytes_raw()
        return signature.text(kind, sha256, public, key.sign(signature.message(kind, sha256)))

    right = json.loads(signed(mine))
    s = int.from_bytes(base64.b64decode(right["signature"])[32:], "little") + (1 << 252)
    s += 27742317777372353535851937790883648493
    long = base64.b64decode(right["signature"])[:32] + s.to_bytes(32, "little")
    cases = {
        "right": (signed(mine), ""),
        "of-the-second-key": (signed(other), ""),
        "unsigned": (None, "unsigned"),
        "changed": (signed(mine, "a" * 64), "changed"),
        "wrong": (json.dumps({**right, "public_key": keys[1]}), "wrong"),
        "hash-written-in": (json.dumps({**json.loads(signed(mine, "a" * 64)), "sha256": digest}),
                            "wrong"),
        "of-a-bundle": (signed(mine, kind="bundle"), "wrong"),
        "two-spellings": (json.dumps({**right, "signature": base64.b64encode(long).decode()}),
                          "wrong"),
        "short": (json.dumps({**right, "signature": "AAAA"}), "malformed"),
        "newer": (json.dumps({**right, "schema_version": 2}), "malformed"),
        "of-another-kind": (json.dumps({**right, "algorithm": "rsa"}), "malformed"),
        "another-key-of-json": (json.dumps({**right, "x": 1}), "malformed"),
        "no-json": ("nonsense", "malformed"),
    }  # fmt: skip
    about = {"base64": base64.b64encode(file).decode(), "sha256": digest}
    for name, (text, refused) in cases.items():
        yield {**about, "name": name, "signature": text, "trust": keys, "refused": refused}
    first = {**about, "signature": signed(other), "trust": keys[:1]}
    yield {**first, "name": "other-key", "refused": "other_key"}
    yield {**first, "name": "no-key-at-all", "trust": [], "refused": "other_key"}
