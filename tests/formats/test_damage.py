"""Damaged and forged artifacts: refused before any runtime sees a byte."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from damage import KINDS, mutate

import edgectc
from edgectc.core.errors import BundleError
from edgectc.formats import bundle as bundles
from edgectc.formats import manifest as manifests
from edgectc.formats.truncation import is_cut_short


@pytest.fixture(scope="module")
def artifact(shipped: Path) -> bytes:
    path = next(p for p in bundles.read(shipped).artifacts() if p.suffix == ".onnx")
    return path.read_bytes()


@pytest.mark.parametrize("kind", KINDS)
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
    with pytest.raises(BundleError, match="is no ONNX file"):
        edgectc.load(tmp_path / "x.onnx")


def test_nothing_in_the_package_unpickles() -> None:
    package = Path(edgectc.__file__).parent
    for path in package.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for word in ("import pickle", "torch.load(", "allow_pickle=True", "joblib"):
            assert word not in text, f"{path}: {word}"


@pytest.mark.parametrize("suffix", [".onnx", ".pte"])
def test_a_file_that_was_copied_in_part_is_told_from_a_strange_one(
    shipped: Path, suffix: str
) -> None:
    whole = next(p for p in bundles.read(shipped).artifacts() if p.suffix == suffix).read_bytes()
    assert not is_cut_short(whole)
    told = 0
    for part in np.linspace(64, len(whole) - 1, 300).astype(int):
        with pytest.raises(BundleError, match=r"ends before its own end|damaged") as caught:
            manifests.parse(whole[:part], source="x")
        told += "copy or export it again" in str(caught.value)
    assert told > 100
