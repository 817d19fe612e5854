"""The manifest's bytes, as docs/bundle_format.md states them."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from edgectc.core.errors import BundleError, BundleFileMissingError, BundleMismatchError
from edgectc.formats import manifest as manifests
from edgectc.formats.manifest import Manifest
from edgectc.formats.records import GraphInput, GraphOutput, SchemeRecord, Source

EXAMPLE = Manifest(
    name="tiny", target="onnx", scheme=SchemeRecord(1e-4, type="float32"), opset=18,
    inputs=(GraphInput("x", "float32", (1, 2), "é"),),
    output=GraphOutput("log_probs", "float32", (1, 1, 2), stride=2),
    frontend={"type": "swipe"}, tokens=("a", "<blank>"), blank_id=1, layouts=(),
    decoder={"type": "greedy"}, lexicon=None, reference={}, source=Source("a" * 64, {}), parity={},
)  # fmt: skip
HEAD = b'{"edgectc_manifest":1,"file_sha256":"'


def test_text_is_byte_exact() -> None:
    text = EXAMPLE.text().encode("ascii")
    assert text.startswith(HEAD + b"0" * 64 + b'","manifest":{"blank_id":1,"decoder":')
    assert rb"\u00e9" in text
    assert b" " not in text.replace(b'"meaning"', b"")
    assert json.loads(text)["manifest"]["tokens"] == ["a", "<blank>"]


def test_seal_is_the_hash_of_the_file_with_zeros() -> None:
    raw = b"model bytes" + EXAMPLE.text().encode() + b"tail"
    sealed = manifests.sealed(raw)
    digest = hashlib.sha256(raw).hexdigest().encode()
    assert sealed == raw.replace(b"0" * 64, digest)
    assert manifests.parse(sealed, source="x") == EXAMPLE


def test_sealing_twice_is_refused() -> None:
    with pytest.raises(BundleError, match="already carries a hash"):
        manifests.sealed(manifests.sealed(EXAMPLE.text().encode()))


def test_every_single_changed_byte_is_noticed() -> None:
    sealed = manifests.sealed(b"\x00model" + EXAMPLE.text().encode())
    for i in range(len(sealed)):
        damaged = bytearray(sealed)
        damaged[i] ^= 1
        with pytest.raises(BundleError):
            manifests.parse(bytes(damaged), source="x")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no manifest"),
        (b"not a model", "no manifest"),
        (EXAMPLE.text().encode() * 2, "2 manifests"),
        (EXAMPLE.text().encode().replace(b'manifest":1', b'manifest":2', 1), "version 2"),
    ],
)
def test_strangers_are_refused(data: bytes, says: str) -> None:
    with pytest.raises(BundleError, match=says):
        manifests.parse(data, source="x")


def test_truncation_and_appending_are_noticed() -> None:
    sealed = manifests.sealed(b"model" + EXAMPLE.text().encode() + b"weights")
    for changed in (sealed[:-1], sealed + b"\n", b"\n" + sealed):
        with pytest.raises(BundleMismatchError, match="damaged"):
            manifests.parse(changed, source="x")


def test_well_hashed_but_malformed_content_is_refused() -> None:
    for body in (b'{"name":3}', b"[]", b'{"unknown":1}', b"nonsense"):
        raw = HEAD + b"0" * 64 + b'","manifest":' + body + b"}"
        with pytest.raises(BundleError, match="malformed"):
            manifests.parse(manifests.sealed(raw), source="x")


def test_missing_file(tmp_path) -> None:
    with pytest.raises(BundleFileMissingError, match="cannot read"):
        manifests.read(tmp_path / "none.onnx")


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_arrays_round_trip(dtype: str) -> None:
    array = np.arange(6).reshape(2, 3).astype(dtype)
    packed = json.loads(json.dumps(manifests.pack_array(array)))
    back = manifests.unpack_array(packed)
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)


def test_array_bytes_are_little_endian() -> None:
    packed = manifests.pack_array(np.array([1], ">i4"))
    assert packed == {"dtype": "int32", "shape": [1], "base64": "AQAAAA=="}


@pytest.mark.parametrize(
    "values",
    [
        {"dtype": "object", "shape": [1], "base64": "AQAAAA=="},
        {"dtype": "int32", "shape": [9], "base64": "AQAAAA=="},
        {"dtype": "int32", "shape": [1], "base64": "?"},
        {"shape": [1], "base64": "AQAAAA=="},
    ],
)
def test_malformed_arrays_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(BundleError, match="malformed array"):
        manifests.unpack_array(values)
