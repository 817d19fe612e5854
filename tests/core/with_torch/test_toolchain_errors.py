"""Every error that is explained, provoked where it comes from."""

from __future__ import annotations

import ctypes
import importlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edgectc.commands import cli
from edgectc.core import toolchain_errors
from edgectc.core.console import suppress_output, suppress_stderr


class Of(nn.Module):
    """A module of one function."""

    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.function(*inputs)


def captured(function: Callable[..., Tensor], *inputs: Tensor, **options: Any) -> Any:
    return torch.export.export(Of(function), inputs, strict=False, **options)


def exported(function: Callable[..., Tensor], *inputs: Tensor, opset: int = 18) -> bytes:
    program = torch.onnx.export(
        Of(function), inputs, dynamo=True, opset_version=opset, verbose=False
    )
    assert program is not None
    return program.model_proto.SerializeToString()


def session(data: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(data, options, ["CPUExecutionProvider"])


def graph(kind: str, *, dtype: int = 1, opset: int = 18, inputs: int = 1) -> bytes:
    from onnx import helper

    names = ["a", "b"][:inputs]
    given = [helper.make_tensor_value_info(n, dtype, [1, 3, 8]) for n in names]
    out = helper.make_tensor_value_info("out", dtype, None)
    made = helper.make_graph([helper.make_node(kind, names, ["out"])], "g", given, [out])
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(made, opset_imports=opsets, ir_version=8).SerializeToString()


def lowered(function: Callable[..., Tensor], *inputs: Tensor) -> bytes:
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import EdgeCompileConfig, to_edge_transform_and_lower

    edge = to_edge_transform_and_lower(
        captured(function, *inputs),
        partitioner=[XnnpackPartitioner()],
        compile_config=EdgeCompileConfig(_check_ir_validity=False),
    )
    data: bytes = edge.to_executorch().buffer
    return data


def loaded(data: bytes) -> Any:
    from edgectc.core import registry

    return registry.create("runners", {"type": "pte"}, source=data)


def nan_weight(folder: Path) -> None:
    import onnx
    from onnx import helper, numpy_helper
    from onnxruntime.quantization import quantize_dynamic

    weight = numpy_helper.from_array(np.full((8, 4), np.nan, np.float32), "w")
    x, out = (helper.make_tensor_value_info(n, 1, [1, s]) for n, s in (("x", 8), ("out", 4)))
    made = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["out"])], "g", [x], [out])
    made.initializer.append(weight)
    onnx.save(helper.make_model(made, ir_version=8), folder / "nan.onnx")
    quantize_dynamic(folder / "nan.onnx", folder / "q.onnx")


def foreign_symbol(folder: Path) -> None:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    (folder / "x.c").write_text("void _ZN3c105ErrorE(void); void f(void) { _ZN3c105ErrorE(); }")
    line = [compiler, "-shared", "-fPIC", "-o", str(folder / "x.so"), str(folder / "x.c")]
    subprocess.run(line, check=True)
    ctypes.CDLL(str(folder / "x.so"), mode=2)  # all symbols now, as Python loads extensions


def no_package(folder: Path) -> None:
    line = [sys.executable, "-S", "-I", "-c", "import onnx"]
    done = subprocess.run(line, capture_output=True, text=True)
    raise ImportError(done.stderr)


def masked(x: Tensor, mask: Tensor) -> Tensor:
    return nn.functional.scaled_dot_product_attention(x, x, x, attn_mask=mask)


def attention_at_23() -> None:
    x, mask = torch.randn(1, 2, 6, 4), torch.zeros(1, 1, 1, 6)
    made = session(exported(masked, x, mask, opset=23))
    names = [i.name for i in made.get_inputs()]
    made.run(None, dict(zip(names, (x.numpy(), mask.numpy()), strict=True)))


def picked_and_quantized(x: Tensor) -> Tensor:
    importlib.import_module("torch.ao.quantization.fx._decomposed")  # which names the operators
    ours, ends = torch.ops.quantized_decomposed, (0.1, 0, -128, 127, torch.int8)
    fewer = ours.quantize_per_tensor.default(x[x.sum(-1) > 0], *ends)
    answer: Tensor = ours.dequantize_per_tensor.default(fewer, *ends)
    return answer


def to_edge(program: Any) -> None:
    from executorch.exir import to_edge

    to_edge(program)


def unknown_backend() -> None:
    data = lowered(lambda x: torch.relu(x @ torch.ones(8, 8)), torch.ones(4, 8))
    assert b"XnnpackBackend" in data
    loaded(data.replace(b"XnnpackBackend", b"UnheardBackend"))


def wrong_input() -> None:
    runner = loaded(lowered(lambda x: torch.relu(x @ torch.ones(8, 8)), torch.ones(4, 8)))
    runner.execute([torch.ones(5, 8)])


ONES, N = torch.ones(1, 8, 3), torch.tensor([5])
PROVOKED: dict[str, Callable[[Path], object]] = {
    "data-dependent-branch": lambda _: captured(lambda x: x if x.sum() > 0 else -x, ONES),
    "data-dependent-size": lambda _: captured(lambda x, n: x.view(int(n), -1), ONES, N),
    "dynamic-axis-specialised": lambda _: captured(
        lambda x: x.reshape(2, 24),
        torch.ones(2, 8, 3),
        dynamic_shapes=(({0: torch.export.Dim("N")},),),
    ),
    "float-less-integers": lambda _: exported(lambda x, m: x * (1.0 - m), ONES, ONES.long()),
    "no-onnx-operator": lambda _: exported(lambda x: torch.linalg.eigvalsh(x @ x.mT), ONES),
    "attention-mask-shape": lambda _: attention_at_23(),
    "opset-too-new": lambda _: session(graph("Relu", opset=99)),
    "no-kernel": lambda _: session(graph("Conv", dtype=11, inputs=2)),
    "no-onnx-file": lambda _: session(b"this is no protobuf"),
    "wrong-shape": lambda _: session(graph("Relu")).run(None, {"a": np.ones((1, 3, 9), "f4")}),
    "wrong-type": lambda _: session(graph("Relu")).run(None, {"a": np.ones((1, 3, 8), "f8")}),
    "scale-issue": nan_weight,
    "missing-kernel": lambda _: loaded(
        lowered(lambda x: nn.functional.max_pool3d(x, 2), torch.ones(1, 2, 4, 4, 4))
    ),
    "no-core-operator": lambda _: to_edge(captured(lambda x: x.cummax(1).values, ONES)),
    "quantized-but-not-taken": lambda _: lowered(picked_and_quantized, torch.ones(8, 3)),
    "backend-not-registered": lambda _: unknown_backend(),
    "pte-wrong-input": lambda _: wrong_input(),
    "no-pte-file": lambda _: loaded(b"this is no flatbuffer" * 9),
    "abi-mismatch": foreign_symbol,
    "missing-package": no_package,
}
COREML = {"coreml-numpy-scalar", "coreml-no-operator", "coreml-only-on-macos"}


@pytest.mark.parametrize("name", sorted(PROVOKED))
def test_the_real_error_is_explained(name: str, tmp_path: Path) -> None:
    with pytest.raises(Exception) as caught, suppress_output(), suppress_stderr():  # noqa: PT011
        PROVOKED[name](tmp_path)
    known = next(one for one in toolchain_errors.KNOWN if one.name == name)
    said = toolchain_errors.explained(caught.value)
    assert f"that is: {known.cause}; {known.fix}" in said, said
    assert "\n" not in said


BILINEAR = nn.Bilinear(3, 3, 4)
EARLIER = torch.ones(8, 8).tril().bool()[None, :, :, None]
WRITTEN_OTHERWISE: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "running maximum": (
        lambda x: x.cummax(1).values,
        lambda x: torch.where(EARLIER, x[:, None], -1e4).amax(2),
    ),
    "bilinear": (
        lambda x: BILINEAR(x, x),
        lambda x: torch.einsum("nti,oij,ntj->nto", x, BILINEAR.weight, x) + BILINEAR.bias,
    ),
    "complex": (
        lambda x: torch.complex(x, 2 * x).abs(),
        lambda x: (x * x + (2 * x) * (2 * x)).sqrt(),
    ),
}


@pytest.mark.parametrize("what", sorted(WRITTEN_OTHERWISE))
def test_what_has_no_core_operator_runs_as_the_message_says(what: str) -> None:
    first, again = WRITTEN_OTHERWISE[what]
    x = torch.randn(1, 8, 3, generator=torch.Generator().manual_seed(1))
    with torch.no_grad(), suppress_output(), suppress_stderr():
        (answer,) = loaded(lowered(again, x)).execute([x])
        torch.testing.assert_close(answer, first(x))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "darwin", reason="is about other systems")
@pytest.mark.parametrize("name", sorted(COREML))
def test_the_real_error_of_coremltools_is_explained(name: str) -> None:
    ct = pytest.importorskip("coremltools")

    def convert(function: Callable[[Tensor], Tensor]) -> Any:
        program = captured(function, ONES).run_decompositions({})
        return ct.convert(program, minimum_deployment_target=ct.target.iOS17)

    def traced() -> Any:
        model = torch.jit.trace(Of(lambda x: x.reshape(x.shape[0] * 8, 3)), ONES)
        return ct.convert(model, inputs=[ct.TensorType(shape=(1, 8, 3))])

    provoked: dict[str, Callable[[], Any]] = {
        "coreml-numpy-scalar": traced,
        "coreml-no-operator": lambda: convert(lambda x: x.unfold(1, 3, 2)),
        "coreml-only-on-macos": lambda: convert(torch.relu).predict({"x": ONES.numpy()}),
    }
    with pytest.raises(Exception) as caught, suppress_output(), suppress_stderr():  # noqa: PT011
        provoked[name]()
    found = toolchain_errors.find(toolchain_errors.explained(caught.value))
    assert found is not None
    assert found.name == name


def test_every_entry_is_provoked_and_named_once() -> None:
    names = [one.name for one in toolchain_errors.KNOWN]
    assert len(set(names)) == len(names)
    assert {*names} == {*PROVOKED} | COREML


def test_what_is_not_understood_is_still_said_in_one_line() -> None:
    said = toolchain_errors.explained(RuntimeError("first\nsecond"))
    assert said == "first"
    assert toolchain_errors.explained(KeyError()) == "KeyError"
    assert len(toolchain_errors.explained(ValueError("x" * 999))) == 300
    text = (
        "## Summary\n\n<class 'RuntimeError'>: sizes differ\n\nWhile executing %gru : [num_users=2]"
    )
    assert toolchain_errors.explained(RuntimeError(text)) == "sizes differ, at operator gru"


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor", "--errors"]) == 0
    out = capsys.readouterr().out
    assert all(one.name in out for one in toolchain_errors.KNOWN)
    assert cli.main(["doctor", "--errors", "Failed: INVALID_PROTOBUF : load"]) == 0
    assert "no-onnx-file" in capsys.readouterr().out
    assert cli.main(["doctor", "--errors", "the weather is fine"]) == 3
    assert "no known error" in capsys.readouterr().out


def test_an_import_that_needs_another_torch_is_explained(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from edgectc.commands import environment

    text = "libx.so: undefined symbol: _ZN3c105ErrorC1ENS_14SourceLocationE"
    (tmp_path / "wordfreq.py").write_text(f"raise ImportError({text!r})")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert "built against each other's other versions" in environment._import_problem("wordfreq")


def test_a_converter_that_fails_says_so(tmp_path: Path) -> None:
    import edgectc
    from edgectc.core.errors import ExportError

    class Deciding(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(3, 4)

        def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
            scores = self.head(x)
            return scores if lengths.sum() > 0 else -scores

    with pytest.raises(ExportError) as caught:
        edgectc.export(
            Deciding(), target="onnx", sample=(torch.randn(1, 9, 3), torch.tensor([9])),
            tokens=["<blank>", *"abc"], out=tmp_path,
        )  # fmt: skip
    said = str(caught.value)
    assert "a Python if or assert decides on the value of a tensor" in said
    assert "a decision on a tensor's value at test_toolchain_errors.py:" in said
    assert list(tmp_path.iterdir()) == []
