"""Damaged and forged artifacts: refused before any runtime sees a byte."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import edgectc
from edgectc.core import registry
from edgectc.core.errors import BundleError
from edgectc.formats import bundle as bundles
from edgectc.formats import manifest as manifests


@pytest.fixture(scope="module")
def artifact(shipped: Path) -> bytes:
    path = next(p for p in bundles.read(shipped).artifacts() if p.suffix == ".onnx")
    return path.read_bytes()


def mutate(data: bytes, kind: str, rng: np.random.Generator) -> bytes:
    at = int(rng.integers(len(data) - 64))
    out = bytearray(data)
    if kind == "bit":
        out[at] ^= 1 << int(rng.integers(8))
    elif kind == "truncated":
        del out[at:]
    elif kind == "zeroed":
        out[at : at + 64] = bytes(64)
    elif kind == "spliced":
        out[at : at + 32] = rng.bytes(32)
    elif kind == "inserted":
        out[at:at] = b"\x00"
    return bytes(out)


@pytest.mark.parametrize("kind", ["bit", "truncated", "zeroed", "spliced", "inserted"])
def test_no_mutation_reaches_a_runtime(artifact: bytes, kind: str) -> None:
    rng = np.random.default_rng(0)
    refused = same = 0
    for _ in range(80):
        changed = mutate(artifact, kind, rng)
        if changed == artifact:
            same += 1
            continue
        with pytest.raises(BundleError):
            manifests.parse(changed, source="x")
        refused += 1
    assert refused + same == 80
    assert refused > 70


@pytest.mark.parametrize("target", ["onnx", "pte", "coreml"])
def test_400_mutations_of_each_target_are_all_refused(
    target: str, artifacts: dict[str, Path]
) -> None:
    data, _ = manifests.read(artifacts[target])
    files = {"": data} if isinstance(data, bytes) else data
    sizes = np.array([max(len(content) - 64, 0) for content in files.values()])
    rng = np.random.default_rng(1)
    refused = same = 0
    for i in range(400):
        name = [*files][int(rng.choice(len(sizes), p=sizes / sizes.sum()))]
        kind = ["bit", "truncated", "zeroed", "spliced", "inserted"][i % 5]
        changed = mutate(files[name], kind, rng)
        if changed == files[name]:
            same += 1
            continue
        with pytest.raises(BundleError):
            manifests.parse(
                changed if isinstance(data, bytes) else {**data, name: changed}, source="x"
            )
        refused += 1
    assert refused + same == 400
    assert refused > 380


def test_a_damaged_file_ends_in_one_error(artifact: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.onnx"
    path.write_bytes(artifact[:-1000] + bytes(1000))
    with pytest.raises(BundleError, match="damaged"):
        edgectc.load(path)
    with pytest.raises(BundleError, match="damaged"):
        edgectc.verify(path)


@pytest.mark.parametrize("name", ["x.onnx", "x.pte", "x.txt"])
def test_other_files_are_no_artifacts(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"\x80\x04hello")
    with pytest.raises(BundleError, match="not an edgectc artifact"):
        edgectc.load(tmp_path / name)


def test_a_sealed_file_that_is_no_graph_is_a_clear_error(artifact: bytes, tmp_path: Path) -> None:
    text = manifests.parse(artifact, source="x").text()
    (tmp_path / "x.onnx").write_bytes(manifests.sealed(b"garbage" + text.encode()))
    with pytest.raises(BundleError, match="ONNX Runtime cannot load"):
        edgectc.load(tmp_path / "x.onnx")
    with pytest.raises(BundleError, match="ExecuTorch cannot load"):
        registry.create("runners", {"type": "pte"}, source=b"garbage")


def test_nothing_in_the_package_unpickles() -> None:
    package = Path(edgectc.__file__).parent
    for path in package.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for word in ("import pickle", "torch.load(", "allow_pickle=True", "joblib"):
            assert word not in text, f"{path}: {word}"
