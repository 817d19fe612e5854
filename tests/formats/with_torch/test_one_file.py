"""An artifact that would have its runtime open another file is refused at every door."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import edgectc
from edgectc.commands.cli import main
from edgectc.core.errors import BundleError
from edgectc.formats import manifest as manifests
from edgectc.formats import one_file, one_package, one_program

SWIPE = Path(__file__).parents[2] / "compat/files-1/swipe/artifacts"
ONNX = SWIPE / "swipe.onnx"


def resealed(model: onnx.ModelProto) -> bytes:
    """The bytes of a model whose manifest has its seal opened and closed again."""
    for entry in model.metadata_props:
        if entry.key == "edgectc":
            value = entry.value.encode()
            start = len(manifests.PREFIX)
            entry.value = (value[:start] + b"0" * 64 + value[start + 64 :]).decode()
    data = manifests.sealed(model.SerializeToString())
    assert isinstance(data, bytes)
    return data


def move_outside(tensor: TensorProto, place: str = "side.bin") -> bytes:
    """Have a tensor say that its values lie in another file; return these values."""
    raw = numpy_helper.to_array(tensor).tobytes()
    for name in ("raw_data", "float_data", "int32_data", "int64_data"):
        tensor.ClearField(name)
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=place)
    return raw


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sealed artifact that ONNX Runtime opens together with ``side.bin`` of this folder."""
    model = onnx.load_from_string(ONNX.read_bytes())
    largest = max(model.graph.initializer, key=lambda t: int(np.prod(t.dims)))
    (tmp_path / "side.bin").write_bytes(move_outside(largest))
    (tmp_path / "x.onnx").write_bytes(resealed(model))
    for name in ("words.tsv", "words.trie"):
        if (SWIPE.parents[1] / name).exists():
            (tmp_path / name).write_bytes((SWIPE.parents[1] / name).read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path / "x.onnx"


def test_the_runtime_itself_would_open_the_other_file(outside: Path) -> None:
    import onnxruntime

    onnxruntime.InferenceSession(outside.read_bytes(), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("name", ["load", "verify", "inspect", "compare_layers", "bench"])
def test_every_verb_refuses_a_file_beside(name: str, outside: Path) -> None:
    with pytest.raises(BundleError) as caught:
        getattr(edgectc, name)(outside)
    message = str(caught.value)
    assert "x.onnx" in message
    assert "'side.bin'" in message
    assert "onnx.save(onnx.load(PATH), ONE_FILE)" in message


@pytest.mark.parametrize(
    "verb", [["verify"], ["inspect"], ["decode", "--input", "none.jsonl"], ["bench"]]
)
def test_so_does_the_command_line(
    verb: list[str], outside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([verb[0], str(outside), *verb[1:]]) == 2
    assert "lie in another file, 'side.bin'" in capsys.readouterr().err


def test_the_remedy_makes_one_file(outside: Path) -> None:
    code = "import onnx, sys; onnx.save(onnx.load(sys.argv[1]), sys.argv[2])"
    subprocess.run([sys.executable, "-c", code, "x.onnx", "whole.onnx"], check=True)
    (outside.parent / "side.bin").unlink()
    data = resealed(onnx.load("whole.onnx"))
    outside.write_bytes(data)
    assert edgectc.load(outside, lexicon=str(SWIPE.parents[1] / "words.trie"))


def _tensor(name: str = "w") -> TensorProto:
    tensor = numpy_helper.from_array(np.ones(2, np.float32), name)
    move_outside(tensor)
    return tensor


def _attribute(value: Any, kind: int, field: str) -> onnx.AttributeProto:
    attribute = onnx.AttributeProto(name="value", type=kind)
    target = getattr(attribute, field)
    if field in ("t", "g", "sparse_tensor"):
        target.CopyFrom(value)
    else:
        target.append(value)
    return attribute


def _node(attribute: onnx.AttributeProto) -> onnx.NodeProto:
    node = helper.make_node("Constant", [], ["c"])
    node.attribute.append(attribute)
    return node


def _graph(*nodes: onnx.NodeProto, tensors: tuple[TensorProto, ...] = ()) -> onnx.GraphProto:
    out = helper.make_tensor_value_info("c", TensorProto.FLOAT, [2])
    return helper.make_graph(list(nodes), "g", [], [out], initializer=list(tensors))


def _sparse(where: str) -> onnx.SparseTensorProto:
    inside = numpy_helper.from_array(np.ones(2, np.float32), "inside")
    values, indices = (_tensor(), inside) if where == "values" else (inside, _tensor())
    return onnx.SparseTensorProto(values=values, indices=indices, dims=[9])


def _places() -> Iterator[tuple[str, onnx.ModelProto]]:
    A = onnx.AttributeProto
    plain = _graph(_node(_attribute(numpy_helper.from_array(np.ones(2)), A.TENSOR, "t")))
    yield "initializer", helper.make_model(_graph(tensors=(_tensor(),)))
    for where in ("values", "indices"):
        graph = copy.deepcopy(plain)
        graph.sparse_initializer.append(_sparse(where))
        yield f"sparse initializer {where}", helper.make_model(graph)
    inner = _graph(tensors=(_tensor(),))
    for name, attribute in {
        "tensor": _attribute(_tensor(), A.TENSOR, "t"),
        "tensors": _attribute(_tensor(), A.TENSORS, "tensors"),
        "sparse": _attribute(_sparse("values"), A.SPARSE_TENSOR, "sparse_tensor"),
        "sparse tensors": _attribute(_sparse("values"), A.SPARSE_TENSORS, "sparse_tensors"),
        "subgraph": _attribute(inner, A.GRAPH, "g"),
        "subgraphs": _attribute(inner, A.GRAPHS, "graphs"),
        "subgraph of a subgraph": _attribute(
            _graph(_node(_attribute(inner, A.GRAPH, "g"))), A.GRAPH, "g"
        ),
    }.items():
        yield f"attribute {name}", helper.make_model(_graph(_node(attribute)))
        model = helper.make_model(plain)
        model.functions.append(
            helper.make_function("d", "f", [], ["c"], [_node(attribute)], model.opset_import)
        )
        yield f"function {name}", model
    model = helper.make_model(plain)
    function = helper.make_function("d", "f", [], [], [], model.opset_import)
    function.attribute_proto.append(_attribute(_tensor(), A.TENSOR, "t"))
    model.functions.append(function)
    yield "default of a function", model
    for field in ("initialization", "algorithm"):
        model = helper.make_model(plain)
        getattr(model.training_info.add(), field).CopyFrom(inner)
        yield f"training {field}", model


PLACES = dict(_places())


@pytest.mark.parametrize("name", PLACES)
def test_a_tensor_outside_is_found_wherever_it_is(name: str) -> None:
    with pytest.raises(BundleError, match=r"m\.onnx: .* tensor 'w' lie in another file, 'side"):
        one_file.check_onnx(PLACES[name].SerializeToString(), "m.onnx")


@pytest.mark.parametrize("name", PLACES)
def test_the_same_tensor_inside_is_taken(name: str) -> None:
    data = PLACES[name].SerializeToString()
    entry = _tensor().external_data[0].SerializeToString()
    wire = bytes([13 << 3 | 2, len(entry)]) + entry + bytes([14 << 3, 1])
    assert data.count(wire) == 1
    # The same bytes under a field number that a tensor does not have.
    strange = bytes([15 << 3 | 2, len(entry)]) + entry + bytes([15 << 3, 0])
    one_file.check_onnx(data.replace(wire, strange), "m.onnx")


def reached(start: Any, wanted: str) -> dict[str, dict[int, str]]:
    """Which fields of which messages lead to a message, by the descriptors of its library."""
    edges: dict[str, dict[int, str]] = {}
    todo, seen = [start], set()
    while todo:
        one = todo.pop()
        if one.full_name in seen:
            continue
        seen.add(one.full_name)
        inner = {f.number: f.message_type for f in one.fields if f.message_type}
        edges[one.full_name] = {number: m.full_name for number, m in inner.items()}
        todo += inner.values()
    leading = {wanted}
    while more := {n for n, of in edges.items() if leading & {*of.values()}} - leading:
        leading |= more
    return {
        name: {number: m for number, m in of.items() if m in leading}
        for name, of in edges.items()
        if name in leading
    }


def same_shape(schema: Any, kind: str, found: Any, name: str, wanted: str) -> None:
    """Assert that a schema has the fields of the library, message by message."""
    pairs, todo = {(kind, name)}, [(kind, name)]
    while todo:
        ours, theirs = todo.pop()
        expected = {} if theirs == wanted else found[theirs]
        assert {*schema[ours]} >= {*expected}, (ours, theirs)
        for number in expected:
            pair = (schema[ours][number], expected[number])
            todo += [pair] if pair not in pairs else []
            pairs.add(pair)


def test_the_schema_of_onnx_is_that_of_its_library() -> None:
    found = reached(onnx.ModelProto.DESCRIPTOR, "onnx.TensorProto")
    same_shape(one_file.ONNX, "Model", found, "onnx.ModelProto", "onnx.TensorProto")
    numbers = {f.name: f.number for f in TensorProto.DESCRIPTOR.fields}
    assert (numbers["name"], numbers["external_data"], numbers["data_location"]) == (8, 13, 14)


def test_the_schema_of_core_ml_is_that_of_its_library() -> None:
    pytest.importorskip("coremltools")
    from coremltools.proto import MIL_pb2

    wanted = "CoreML.Specification.MILSpec.Value.BlobFileValue"
    found = reached(MIL_pb2.Program.DESCRIPTOR, wanted)
    same_shape(one_package.MIL, "Program", found, "CoreML.Specification.MILSpec.Program", wanted)


@pytest.mark.parametrize(
    "tensor",
    [
        bytes([14 << 3, 1]),  # external, without a place
        bytes([14 << 3]) + b"\x81\x80\x80\x80\x10",  # the same number with bits above 32
        bytes([14 << 3 | 0]) + b"\x81\x80\x00",  # the same, longer than it need be
        bytes([13 << 3 | 2, 0]),  # a place alone
    ],
)
def test_every_spelling_of_another_file_is_refused(tensor: bytes) -> None:
    graph = bytes([5 << 3 | 2, len(tensor)]) + tensor
    model = bytes([7 << 3 | 2, len(graph)]) + graph
    with pytest.raises(BundleError, match="lie in another file"):
        one_file.check_onnx(model, "m.onnx")
    # A message that comes twice is one with the fields of both.
    with pytest.raises(BundleError, match="lie in another file"):
        one_file.check_onnx(bytes([7 << 3 | 2, 0]) + model, "m.onnx")


@pytest.mark.parametrize(
    "data",
    [
        b"\x3b",  # a group
        b"\x3f",
        b"\x00\x01",  # field 0
        b"\xbb\x80\x80\x80\x80\x01",  # a tag of more than 32 bits
        b"\x3a\x05ab",  # cut off
        b"\x3a",
        b"\x08" + b"\xff" * 11,
        b"XXXXORTM",
    ],
)
def test_what_readers_could_take_in_two_ways_is_refused(data: bytes) -> None:
    with pytest.raises(BundleError, match=r"no ONNX file|own format"):
        one_file.check_onnx(data, "m.onnx")


def test_a_deep_graph_is_refused() -> None:
    graph = b""
    for _ in range(300):
        attribute = b"\x32" + _size(graph) + graph
        node = b"\x2a" + _size(attribute) + attribute
        graph = b"\x0a" + _size(node) + node
    with pytest.raises(BundleError, match="nested deeper"):
        one_file.check_onnx(b"\x3a" + _size(graph) + graph, "m.onnx")


def _size(data: bytes) -> bytes:
    out, value = bytearray(), len(data)
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


# ---- ExecuTorch -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def program() -> Callable[..., bytes]:
    """Exports a small network with its weights inside of the program, or outside."""
    torch = pytest.importorskip("torch")
    exir = pytest.importorskip("executorch.exir")
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir.passes.external_constants_pass import external_constants_pass

    def make(*, delegate: bool, outside: bool) -> bytes:
        exported = torch.export.export(torch.nn.Linear(3, 4), (torch.ones(1, 3),))
        if delegate:
            edge = exir.to_edge_transform_and_lower(exported, partitioner=[XnnpackPartitioner()])
        else:
            edge = exir.to_edge(exported)
            if outside:
                edge = edge.transform([external_constants_pass])
        made = edge.to_executorch(exir.ExecutorchBackendConfig(external_constants=outside))
        assert isinstance(made.buffer, bytes)
        return made.buffer

    return make


LEAVES = pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")  # of ExecuTorch itself


@LEAVES
@pytest.mark.parametrize("delegate", [False, True])
def test_a_program_with_its_constants_inside_is_taken(
    program: Callable[..., bytes], delegate: bool
) -> None:
    one_program.check_pte(program(delegate=delegate, outside=False), "m.pte")


@LEAVES
def test_a_program_with_its_constants_outside_is_refused(program: Callable[..., bytes]) -> None:
    with pytest.raises(BundleError, match=r"m\.pte: .*'(linear\.)?(weight|bias)'.*\.ptd"):
        one_program.check_pte(program(delegate=False, outside=True), "m.pte")


def test_a_delegate_with_its_constants_outside_is_refused() -> None:
    from edgectc.formats.flatbuffer import Table

    data = next(SWIPE.glob("*.pte")).read_bytes()
    one_program.check_pte(data, "m.pte")
    keys = [entry.text(0) for entry in Table.root(data).tables(7)]
    assert keys
    first = data.replace(keys[0].encode(), b"?" * len(keys[0]), 1)  # once, in the list of the file
    with pytest.raises(BundleError, match=r"m\.pte: .* lie in another file \(\.ptd\)"):
        one_program.check_pte(first, "m.pte")


def test_what_is_no_program_is_refused() -> None:
    data = next(SWIPE.glob("*.pte")).read_bytes()
    rng = np.random.default_rng(0)
    for size in rng.integers(0, 4000, 50):
        with pytest.raises(BundleError):
            one_program.check_pte(data[:size], "m.pte")
    one_program.check_pte(data, "m.pte")


# ---- Core ML ----------------------------------------------------------------------------------

ROOT = "Data/com.apple.CoreML/model.mlmodel"
WEIGHTS = "Data/com.apple.CoreML/weights/weight.bin"


def package(blob: str = "@model_path/weights/weight.bin", **changes: str) -> dict[str, bytes]:
    """A package whose program has one constant in a file."""
    pytest.importorskip("coremltools")
    from coremltools.proto import Model_pb2

    spec = Model_pb2.Model(specificationVersion=8)
    block = spec.mlProgram.functions["main"].block_specializations["CoreML8"]
    value = block.operations.add(type="const").attributes["val"]
    value.blobFileValue.fileName = blob
    item = {"author": "a", "path": changes.get("path", "com.apple.CoreML/model.mlmodel")}
    other = {"author": "a", "path": changes.get("weights", "com.apple.CoreML/weights")}
    manifest = {"rootModelIdentifier": "1", "itemInfoEntries": {"1": item, "2": other}}
    return {
        "Manifest.json": json.dumps(manifest).encode(),
        ROOT: spec.SerializeToString(),
        WEIGHTS: b"weights",
    }


def test_a_package_that_is_whole_is_taken() -> None:
    one_package.check_package(package(), "m.mlpackage")


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"blob": "/etc/passwd"}, "'/etc/passwd', which is no file of the package"),
        ({"blob": "@model_path/../../../x.bin"}, "no file of the package"),
        ({"blob": "@model_path/weights/other.bin"}, "no file of the package"),
        ({"blob": ""}, "no file of the package"),
        ({"path": "../../model.mlmodel"}, "leaves the"),
        ({"path": "com.apple.CoreML/none.mlmodel"}, "no file of the package"),
        ({"weights": "/etc"}, "leaves the"),
    ],
)
def test_a_package_that_points_outside_is_refused(files: dict[str, str], says: str) -> None:
    with pytest.raises(BundleError, match=r"m\.mlpackage: .*" + says):
        one_package.check_package(package(**files), "m.mlpackage")


def test_a_model_that_links_to_another_is_refused() -> None:
    files = package()
    from coremltools.proto import Model_pb2

    spec = Model_pb2.Model(specificationVersion=8)
    spec.linkedModel.linkedModelFile.linkedModelFileName.defaultValue = "other"
    with pytest.raises(BundleError, match="no ML program: field 556"):
        one_package.check_package({**files, ROOT: spec.SerializeToString()}, "m.mlpackage")


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"itemInfoEntries": {"1": 3}}'])
def test_a_package_without_its_list_is_refused(text: bytes) -> None:
    with pytest.raises(BundleError, match=r"m\.mlpackage: "):
        one_package.check_package({**package(), "Manifest.json": text}, "m.mlpackage")
