"""What `inspect` says is in a file, against what is known to be in it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import edgectc
from edgectc.commands import cli
from edgectc.core.errors import BundleError, MissingDependencyError
from edgectc.evaluation.inspection import onnx as of_onnx
from edgectc.evaluation.inspection import pte as of_pte
from edgectc.evaluation.inspection.contents import Contents, Operator, Weight, summed
from edgectc.formats import manifest as manifests


@pytest.fixture(scope="module")
def pte(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return edgectc.export(target="pte", out=tmp_path_factory.mktemp("pte")).path


def count(contents: Contents, kind: str) -> int:
    return sum(row.count for row in contents.rows if row.kind == kind)


def test_the_shipped_model(shipped: Path) -> None:
    """Multiply-adds by hand: each convolution's weights at each of its output frames."""
    import torch

    from edgectc.formats import bundle
    from edgectc.networks import model

    network = model.load(bundle.read(shipped))
    macs = 0

    def convolution(layer, inputs, out):  # type: ignore[no-untyped-def]
        nonlocal macs
        macs += layer.weight.numel() * out.shape[2]

    for layer in network.modules():
        if isinstance(layer, torch.nn.Conv1d):
            layer.register_forward_hook(convolution)
    inputs = network.frontend.input_contract()
    zeros = {
        n: torch.zeros(i["shape"], dtype=getattr(torch, i["dtype"])) for n, i in inputs.items()
    }
    network(**zeros)
    found = of_onnx.read((shipped / "artifacts" / "swipe-en.onnx").read_bytes())
    conv = [row for row in found.rows if row.kind == "Conv"]
    assert [(row.count, row.macs, row.dtype) for row in conv] == [(25, macs, "float32")]
    assert found.int8_share == 0.0
    assert found.delegated_share is None
    assert found.largest[0].name.endswith("conv.weight")


@pytest.mark.slow
def test_a_program_does_the_same_work_as_the_graph(shipped: Path, pte: Path) -> None:
    graph = of_onnx.read((shipped / "artifacts" / "swipe-en.onnx").read_bytes())
    program = of_pte.read(pte.read_bytes())
    assert program.macs == graph.macs
    assert count(program, "Conv2d") == count(graph, "Conv")
    assert program.int8_share == 0.0
    assert program.weights_bytes == pytest.approx(graph.weights_bytes, rel=0.01)
    ours = sum(row.count for row in program.rows if not row.delegate)
    total = sum(row.count for row in program.rows)
    assert program.delegated_share == pytest.approx(1.0 - ours / total)
    assert {row.delegate for row in program.rows} == {"XnnpackBackend", ""}


def test_a_program_is_what_executorch_reads_in_it(pte: Path) -> None:
    from executorch.exir._serialize._program import deserialize_pte_binary

    plan = deserialize_pte_binary(pte.read_bytes()).program.execution_plan[0]
    expected: dict[str, int] = {}
    for step in plan.chains[0].instructions:
        if type(step.instr_args).__name__ == "KernelCall":
            operator = plan.operators[step.instr_args.op_index]
            name = f"{operator.name}.{operator.overload}".rstrip(".")
            expected[name] = expected.get(name, 0) + 1
    found = of_pte.read(pte.read_bytes())
    assert {row.kind: row.count for row in found.rows if not row.delegate} == expected


def test_planned_memory_is_what_executorch_plans(
    pte: Path, shipped: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from executorch.exir._serialize._program import deserialize_pte_binary

    plans = deserialize_pte_binary(pte.read_bytes()).program.execution_plan
    sizes = {plan.name: sum(plan.non_const_buffer_sizes) for plan in plans}
    found = of_pte.read(pte.read_bytes()).planned_bytes
    assert found == {name: size for name, size in sizes.items() if size}
    assert found is not None
    assert found["forward"] > 1000
    assert cli.main(["inspect", str(pte)]) == 0
    told = f"{found['forward']:,} bytes of memory planned for a call of forward"
    assert told in capsys.readouterr().out
    assert of_onnx.read(next(shipped.rglob("*.onnx")).read_bytes()).planned_bytes is None


def test_reading_a_program_needs_no_torch(pte: Path) -> None:
    code = (
        "import sys; from edgectc.commands import cli; "
        f"cli.main(['inspect', {str(pte)!r}]); "
        "bad = {'torch', 'executorch'} & set(sys.modules); sys.exit(str(bad) if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "FullyConnected" in done.stdout


def quantized(folder: Path, how: str) -> bytes:
    """A product and a convolution, quantized by ONNX Runtime."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    from onnxruntime import quantization as q

    rng = np.random.default_rng(0)
    weights = [
        numpy_helper.from_array(rng.normal(size=(8, 16)).astype(np.float32), "w"),
        numpy_helper.from_array(rng.normal(size=(4, 5, 3)).astype(np.float32), "k"),
    ]
    nodes = [
        helper.make_node("Conv", ["x", "k"], ["y"], pads=[1, 1]),
        helper.make_node("MatMul", ["y", "w"], ["z"]),
        helper.make_node("Relu", ["z"], ["out"]),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 5, 8])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, ["N", 4, 16])
    graph = helper.make_graph(nodes, "g", [x], [out], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.save(model, folder / "float.onnx")
    if how == "dynamic":
        q.quantize_dynamic(
            folder / "float.onnx", folder / "q.onnx", op_types_to_quantize=["MatMul"]
        )
    elif how == "static":

        class Reader(q.CalibrationDataReader):
            rows = iter([{"x": rng.normal(size=(1, 5, 8)).astype(np.float32)}])

            def get_next(self) -> dict[str, np.ndarray] | None:
                return next(self.rows, None)

        q.quantize_static(folder / "float.onnx", folder / "q.onnx", Reader())
    return (folder / ("float.onnx" if how == "float" else "q.onnx")).read_bytes()


@pytest.mark.parametrize(
    ("how", "share"), [("float", 0.0), ("dynamic", 512 / 992), ("static", 1.0)]
)
def test_the_share_of_integers(how: str, share: float, tmp_path: Path) -> None:
    """4 x 16 x 8 for the product, 4 x 8 x 5 x 3 for the convolution; the batch counts as one."""
    found = of_onnx.read(quantized(tmp_path, how))
    assert found.macs == 512 + 480
    assert found.int8_share == pytest.approx(share)


def test_recurrent_layers_and_transposed_convolutions() -> None:
    from onnx import TensorProto, helper, numpy_helper

    T, C, H = 7, 3, 4
    zeros = [("w", (2, 4 * H, C)), ("r", (2, 4 * H, H)), ("k", (3, 6, 5))]
    weights = [numpy_helper.from_array(np.zeros(s, np.float32), n) for n, s in zeros]
    nodes = [
        helper.make_node("LSTM", ["x", "w", "r"], ["y"], hidden_size=H, direction="bidirectional"),
        helper.make_node("ConvTranspose", ["u", "k"], ["v"], strides=[2]),
    ]
    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in [("x", [T, 1, C]), ("u", [1, 3, 9]), ("y", None), ("v", None)]
    ]
    graph = helper.make_graph(nodes, "g", values[:2], values[2:], weights)
    found = of_onnx.read(helper.make_model(graph).SerializeToString())
    by_kind = {row.kind: row.macs for row in found.rows}
    assert by_kind == {"LSTM": 2 * T * 4 * H * (C + H), "ConvTranspose": 9 * 3 * 6 * 5}


def test_sums() -> None:
    operators = [Operator("A", "int8", 30, "B"), Operator("A", "int8", 30, "B"), Operator("C", "f")]
    weights = [Weight(str(i), "int8", (i,), i) for i in range(20)]
    found = summed([*operators, Operator("D", "float32", 20)], weights, delegates=True)
    assert (found.macs, found.int8_share, found.delegated_share) == (80, 0.75, 0.5)
    assert found.rows[0].count == 2
    assert [w.size_bytes for w in found.largest] == [19, 18, 17, 16, 15, 14, 13, 12]
    assert summed([], [], delegates=True).int8_share == 0.0


@pytest.mark.parametrize("data", [b"", b"\x00" * 64, b"hello, world, this is no file at all"])
def test_what_is_no_file_of_its_kind(data: bytes) -> None:
    with pytest.raises(BundleError, match="no ExecuTorch program"):
        of_pte.read(data)
    if data.startswith(b"hello"):
        with pytest.raises(BundleError, match="no ONNX graph"):
            of_onnx.read(data)


def test_a_damaged_program_is_an_error_and_no_crash(pte: Path) -> None:
    good, rng = pte.read_bytes(), np.random.default_rng(0)
    for _ in range(200):
        bad = bytearray(good[: int(rng.integers(8, 60_000))])
        bad[int(rng.integers(len(bad)))] ^= 1 << int(rng.integers(8))
        try:
            of_pte.read(bytes(bad))
        except BundleError:
            continue


def test_the_command(
    shipped: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = str(shipped / "artifacts" / "swipe-en.onnx")
    assert cli.main(["inspect", artifact, "--json"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert about["manifest_version"] == 1
    assert about["contents"]["macs"] == about["contents"]["rows"][0]["macs"] + sum(
        row["macs"] for row in about["contents"]["rows"][1:]
    )
    assert cli.main(["inspect", artifact]) == 0
    text = capsys.readouterr().out
    assert "multiply-adds, 0 % of them in 8 bits or less" in text
    assert manifests.read(artifact)[1].name in text

    def missing(data: bytes) -> Contents:
        raise MissingDependencyError("listing", package="onnx", extra="export-onnx")

    monkeypatch.setattr(of_onnx, "read", missing)
    assert cli.main(["inspect", artifact, "--json"]) == 0
    assert "pip install" in json.loads(capsys.readouterr().out)["contents"]["not_run"]
