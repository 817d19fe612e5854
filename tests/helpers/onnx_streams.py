"""Small ONNX files that remember, and that take more than features and a length."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

C, V, CHUNK = 6, 5, 4
FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
_value = helper.make_tensor_value_info


def _written(nodes, inputs, outputs, constants, metadata: Mapping[str, str]) -> bytes:
    tensors = [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()]
    graph = helper.make_graph(nodes, "g", inputs, outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    for key, value in metadata.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    return bytes(model.SerializeToString())


def stream(
    frames: int | str = "T",
    *,
    names: tuple[str, str] = ("cached_x", "new_cached_x"),
    look_ahead: int = 0,
    kept: int = 2,
    heard: float = 1.0,
    metadata: Mapping[str, str] | None = None,
) -> bytes:
    """Return a file of x (1, frames, 6), two cached frames and a counter; stride 2.

    Args:
        frames: of a step.
        names: of the state of two frames, in and out.
        look_ahead: frames after the one that an answer needs.
        kept: frames that come out as the next state; two keep its shape.
        heard: how much the states change the answer.
        metadata: of the file.
    """
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((V, C, 4 + look_ahead)).astype(np.float32)
    weight[:, :, :2] *= heard
    before, after = names
    nodes = [
        helper.make_node("Transpose", ["x"], ["turned"], perm=[0, 2, 1]),
        helper.make_node("Concat", [before, "turned"], ["all"], axis=2),
        helper.make_node("Conv", ["all", "w"], ["conv"], strides=[2]),
        helper.make_node("Transpose", ["conv"], ["scores"], perm=[0, 2, 1]),
        helper.make_node("LogSoftmax", ["scores"], ["log_probs"], axis=2),
        helper.make_node("Slice", ["all", "start", "end", "time"], [after]),
        helper.make_node("Add", ["processed_lens", "four"], ["new_processed_lens"]),
    ]
    inputs = [
        _value("x", FLOAT, ["N", frames, C]),
        _value(before, FLOAT, ["N", C, 2]),
        _value("processed_lens", INT64, ["N"]),
    ]
    outputs = [
        _value("log_probs", FLOAT, ["N", None, V]),
        _value(after, FLOAT, ["N", C, None if kept != 2 else 2]),
        _value("new_processed_lens", INT64, ["N"]),
    ]
    end = -look_ahead if look_ahead else 1 << 30
    constants = {
        "w": weight, "start": np.array([-kept - look_ahead]), "end": np.array([end]),
        "time": np.array([2]), "four": np.array([CHUNK]),
    }  # fmt: skip
    return _written(nodes, inputs, outputs, constants, metadata or {})


def run_stream(path: Path, x: np.ndarray, look_ahead: int = 0) -> np.ndarray:
    """Return the file's own log_probs of (T, 6), fed as its author feeds it."""
    session = onnxruntime.InferenceSession(path)
    first, state, counter = session.get_inputs()
    cached = np.zeros((1, C, 2), np.float32)
    count = np.zeros(1, np.int64)
    parts = []
    for start in range(0, len(x) - CHUNK - look_ahead + 1, CHUNK):
        part = x[None, start : start + CHUNK + look_ahead]
        given = {first.name: part, state.name: cached, counter.name: count}
        found, cached, count = session.run(None, given)
        parts.append(found[0])
    return np.concatenate(parts)


def further() -> bytes:
    """Return a file of x (1, T, 6), lengths, a speaker, a style (1, 3), keys (1, T) and a knob."""
    rng = np.random.default_rng(1)

    def table(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(np.float32)

    constants = {
        "w": table(C, V), "speakers": table(4, V), "styles": table(3, V), "keyed": table(7, V),
        "one": np.array([1]),
    }  # fmt: skip
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node("Gather", ["speakers", "speaker"], ["b"]),  # (1, V)
        helper.make_node("MatMul", ["style", "styles"], ["c"]),  # (1, V)
        helper.make_node("Gather", ["keyed", "keys"], ["d"]),  # (1, T, V)
        helper.make_node("Add", ["a", "b"], ["ab"]),
        helper.make_node("Add", ["ab", "c"], ["abc"]),
        helper.make_node("Add", ["abc", "d"], ["abcd"]),
        helper.make_node("Mul", ["abcd", "knob"], ["logits"]),
        helper.make_node("ReduceMean", ["logits"], ["pooled"], axes=[1], keepdims=1),
        helper.make_node("Mul", ["x_lens", "one"], ["out_lens"]),
    ]
    inputs = [
        _value("x", FLOAT, [1, "T", C]), _value("x_lens", INT64, [1]),
        _value("speaker", INT64, [1]), _value("style", FLOAT, [1, 3]),
        _value("keys", TensorProto.INT32, [1, "T"]), _value("knob", FLOAT, []),
    ]  # fmt: skip
    outputs = [
        _value("pooled", FLOAT, [1, 1, V]), _value("out_lens", INT64, [1]),
        _value("logits", FLOAT, [1, None, V]),
    ]  # fmt: skip
    return _written(nodes, inputs, outputs, constants, {})
