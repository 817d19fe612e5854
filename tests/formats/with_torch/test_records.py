"""What a manifest and an index say, against the plugins and the network that they name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import onnx
import pytest
from edited import FILES, HEAD, Edit, change, edited

import edgectc
from edgectc.core.errors import BundleError, BundleMismatchError
from edgectc.formats import manifest as manifests


@pytest.fixture(scope="module")
def stored() -> dict[str, Any]:
    data = (FILES / "swipe/artifacts/swipe.onnx").read_bytes()
    return dict(json.loads(manifests.parse(data, source="x").text())["manifest"])


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FILES / "swipe", tmp_path / "b"))


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda b: b["decoder"].update(beam_size="many"), r"decoders\.beam_size: expected int"),
        (lambda b: b["decoder"].update(beam_size=-4), "beam_size is -4"),
        (lambda b: b["decoder"].update(type="lexicn"), "unknown decoder 'lexicn'"),
        (lambda b: b["model"]["frontend"].update(slots=True), r"frontends\.slots: expected int"),
    ],
)
def test_options_of_a_plugin_are_refused_by_name(copied: Path, edit: Edit, says: str) -> None:
    change(copied, edit)
    with pytest.raises(ValueError, match=says) as refused:
        edgectc.load(copied, runner="eager")
    assert isinstance(refused.value, BundleError)
    assert str(refused.value).startswith(f"{copied}/bundle.json")


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("stride", 3, "stride is 3, and .* says 2"),
        ("window", 2, "window is 2, and .* says 1"),
        ("blank_id", 0, "blank is line 27 .* blank_id is 0"),
    ],
)
def test_an_index_must_agree_with_its_network(
    copied: Path, key: str, value: int, says: str
) -> None:
    change(copied, lambda b: b.update({key: value}))
    with pytest.raises(BundleMismatchError, match=says):
        edgectc.load(copied, runner="eager")


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda m: m["output"].update(stride=3), "shape of the output is .* says"),
        (lambda m: m.update(blank_id=0), "blank_id is 0, its frontend says 27"),
        (lambda m: m["reference"]["length-7"]["log_probs"].update(shape=[2, 54]), "output frames"),
    ],
)
def test_a_sealed_manifest_must_agree_with_its_frontend(
    stored: dict[str, Any], edit: Edit, says: str, tmp_path: Path
) -> None:
    graph = onnx.load_from_string((FILES / "swipe/artifacts/swipe.onnx").read_bytes())
    text = HEAD + json.dumps(edited(stored, edit), separators=(",", ":")).encode() + b"}"
    graph.metadata_props[0].value = text
    (tmp_path / "x.onnx").write_bytes(manifests.sealed(graph.SerializeToString()))
    lexicon = str(FILES / "words.tsv")
    with pytest.raises(BundleMismatchError, match=rf"^{tmp_path}/x\.onnx: .*{says}"):
        edgectc.load(tmp_path / "x.onnx", lexicon=lexicon)
