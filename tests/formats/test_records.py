"""What a manifest and an index may hold: each key has one type and one range, and says so."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from edited import FILES, Edit, change, deep, edited, sealed

import edgectc
from edgectc.core.errors import BundleError, BundleMismatchError
from edgectc.formats import bundle as bundles
from edgectc.formats import manifest as manifests
from edgectc.formats import reference


@pytest.fixture(scope="module")
def stored() -> dict[str, Any]:
    data = (FILES / "swipe/artifacts/swipe.onnx").read_bytes()
    return dict(json.loads(manifests.parse(data, source="x").text())["manifest"])


# What a manifest may not hold, and what its refusal names.
WRONG: list[tuple[Edit, str]] = [
    (lambda m: m.update(output={}), r"missing key 'manifest\.output\.name'"),
    (lambda m: m["output"].update(stride=0), "manifest.output: stride is 0, expected .* >= 1"),
    (lambda m: m["output"].update(window=1.5), r"output\.window: expected int, got float"),
    (
        lambda m: m["output"].update(stride=2.5),
        r"output\.stride: expected int, got float",
    ),
    (
        lambda m: m["output"].update(stride=True),
        r"output\.stride: expected int, got bool",
    ),
    (lambda m: m["output"].update(shape=[1]), "manifest.output: shape is"),
    (lambda m: m["output"].update(shape=[1, [], 3]), r"manifest\.output\.shape\[1\]: expected int"),
    (lambda m: m["output"].update(strides=2), "unknown key 'manifest.output.strides'; .*'stride'"),
    (lambda m: m.update(inputs=[]), "inputs is empty"),
    (lambda m: m.update(inputs={}), "manifest.inputs: expected"),
    (lambda m: m["inputs"][1].update(dtype="object"), r"manifest\.inputs\[1\]: dtype is 'object'"),
    (lambda m: m.update(lexicon={}), r"missing key 'manifest\.lexicon\.file'"),
    (lambda m: m["lexicon"].update(file="../x"), "manifest.lexicon: file is '../x', expected a p"),
    (lambda m: m["lexicon"].update(file=3), r"manifest\.lexicon\.file: expected str"),
    (lambda m: m["lexicon"].update(sha256="ab"), "manifest.lexicon: sha256 is 'ab', expected 64"),
    (lambda m: m.update(scheme={"type": "float32"}), r"missing key 'manifest\.scheme\.atol'"),
    (lambda m: m["scheme"].update(texts=2), "manifest.scheme: texts is 2.0"),
    (lambda m: m.update(frontend={}), "frontend: expected {'type': NAME"),
    (lambda m: m.update(decoder={"type": 3}), "decoder: expected {'type': NAME"),
    (lambda m: m.update(blank_id=28), "blank_id is 28, expected 0..27"),
    (lambda m: m.update(tokens=["a", "a"]), "tokens occur twice"),
    (lambda m: m["layouts"][0].update(rows=[]), r"manifest\.layouts\[0\]: layout .* has no keys"),
    (lambda m: m["source"].pop("versions"), r"missing key 'manifest\.source\.versions'"),
    (lambda m: m["parity"].update(sqnr_db="high"), r"manifest\.parity\.sqnr_db: expected float"),
    (lambda m: m["reference"].update(x={}), r"missing key 'manifest\.reference\.x\.layout'"),
    (lambda m: m["reference"]["length-7"].update(length=99), r"length-7: length is 99, expected"),
    (
        lambda m: m["reference"]["length-7"]["trace"].update(shape=[9, 9]),
        r"manifest\.reference\.length-7\.trace: base64 holds 576 bytes, expected 324",
    ),
    (
        lambda m: m["reference"]["length-7"]["trace"].update(shape=[-1, 3]),
        r"manifest\.reference\.length-7\.trace: shape is \[-1, 3\]",
    ),
]


@pytest.mark.parametrize(("edit", "says"), WRONG, ids=[says for _, says in WRONG])
def test_a_wrong_manifest_is_refused_by_name(stored: dict[str, Any], edit: Edit, says: str) -> None:
    with pytest.raises(BundleError, match=rf"^x\.onnx has a malformed manifest: .*{says}"):
        manifests.parse(sealed(edited(stored, edit)), source="x.onnx")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (deep(101), "nested deeper than 100"),
        (deep(100_000), "nested deeper than 100"),
        ('{"parity":{"x":NaN}}', "it holds NaN"),
        ("9" * 5000, "not JSON"),
        ('"' + '\\"' * 100_000, "not JSON"),
    ],
    ids=["deep", "deeper", "nan", "digits", "no end"],
)
def test_what_is_no_json_of_ours_is_refused(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=rf"^x\.onnx has a malformed manifest: .*{says}"):
        manifests.parse(sealed(text), source="x.onnx")
    (tmp_path / "bundle.json").write_text(text)
    with pytest.raises(BundleError, match=rf"^{tmp_path}/bundle\.json is malformed: .*{says}"):
        bundles.read(tmp_path)


def test_a_manifest_that_was_read_is_written_alike() -> None:
    for path in (FILES / "swipe/artifacts").iterdir():
        data, manifest = manifests.read(path)
        body = manifest.text().encode()[len(manifests.PREFIX) + 64 :]
        files = [data] if isinstance(data, bytes) else data.values()
        assert sum(body in content for content in files) == 1, path


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FILES / "swipe", tmp_path / "b"))


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda b: b.update(lexicon={}), r"missing key 'lexicon\.file'"),
        (lambda b: b.update(model={}), "a model has the parts"),
        (lambda b: b["model"].update(frontend={}), r"model\.frontend: expected {'type'"),
        (lambda b: b.update(decoder=[]), "decoder: expected"),
        (lambda b: b.update(decoder={}), "decoder: expected {'type'"),
        (lambda b: b.update(stride=0), "stride 0"),
        (lambda b: b.update(blank_id=-1), "blank_id is -1"),
        (lambda b: b.update(layouts=[{}]), r"missing key 'layouts\[0\]\.name'"),
        (
            lambda b: b["files"].update({"tokens.txt": "x"}),
            r"files\.tokens\.txt is 'x'",
        ),
        (lambda b: b.update(languge_model=None), "did you mean 'language_model'"),
    ],
)
def test_a_wrong_index_is_refused_by_name(copied: Path, edit: Edit, says: str) -> None:
    change(copied, edit)
    with pytest.raises(BundleError, match=rf"^{copied}/bundle\.json is malformed: .*{says}"):
        edgectc.load(copied)


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("stride", 3, "stride is 3, and .* says 2"),
        ("window", 2, "window is 2, and .* says 1"),
        ("blank_id", 0, "blank is line 27 .* blank_id is 0"),
    ],
)
def test_an_index_must_agree_with_what_runs(copied: Path, key: str, value: int, says: str) -> None:
    pytest.importorskip("onnxruntime")
    change(copied, lambda b: b.update({key: value}))
    with pytest.raises(BundleMismatchError, match=says):
        edgectc.load(copied, runner="onnx")


def test_the_frontend_must_agree_with_what_runs(copied: Path) -> None:
    pytest.importorskip("onnxruntime")
    edgectc.load(copied, runner="onnx")
    change(copied, lambda b: b["model"]["frontend"].update(ms_per_frame=8.0))
    with pytest.raises(BundleMismatchError, match=r"frontend is .*'ms_per_frame': 8\.0.*says"):
        edgectc.load(copied, runner="onnx")


def test_tokens_must_agree_with_what_runs(copied: Path) -> None:
    pytest.importorskip("onnxruntime")
    bundle = bundles.read(copied)
    text = (copied / "tokens.txt").read_bytes().replace(b"<blank>", b"1\n<blank>")
    (copied / "tokens.txt").write_bytes(text)
    digest = bundles.sha256(text)
    change(copied, lambda b: (b["files"].update({"tokens.txt": digest}), b.update(blank_id=28)))
    with pytest.raises(BundleMismatchError, match=r"blank_id is 28, and .* says 27"):
        edgectc.load(bundle.path)


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda t, n: t.pop("length-7/length"), "lacks 'length-7/length'"),
        (lambda t, n: t.update({"length-7/length": t["length-7/length"] * 99}), "expected 1..48"),
        (lambda t, n: t.update({"length-7/trace": t["length-7/trace"][0]}), "length-7/trace is"),
        (lambda t, n: n["length-7"].update(word=3), r"length-7\.word: expected str"),
        (lambda t, n: n["length-7"].update(extra=3), r"unknown key 'length-7\.extra'"),
        (lambda t, n: n.clear(), "names no cases"),
    ],
)
def test_wrong_reference_cases_are_refused_by_name(edit: Any, says: str) -> None:
    pytest.importorskip("safetensors")
    from safetensors.numpy import load, save

    data = (FILES / "swipe/reference.safetensors").read_bytes()
    size = int.from_bytes(data[:8], "little")
    notes = json.loads(json.loads(data[8 : 8 + size])["__metadata__"]["cases"])
    tensors = load(data)
    edit(tensors, notes)
    changed = save(tensors, metadata={"cases": json.dumps(notes)})
    with pytest.raises(BundleError, match=rf"^reference\.safetensors is malformed: .*{says}"):
        reference.from_safetensors(changed)
