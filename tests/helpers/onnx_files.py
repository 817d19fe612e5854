"""Small ONNX files as others make them: CTC networks that spell the letter of the loudest channel.

The answer to a pair of frames is the letter of a channel that is 1 in both, else the blank.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

LETTERS = "abcdef"


def build(
    *,
    layout: str = "NCT",
    answers: str = "logits",
    blank: int = 0,
    axes: str = "NTV",
    second: str = "",
    frames: int | str = "T",
    metadata: dict[str, str] | None = None,
    scale: float = 12.0,
    first: str = "x",
) -> bytes:
    """Return the bytes of a file; its columns are the letters, and the blank at ``blank``."""
    C, V = len(LETTERS), len(LETTERS) + 1
    weight, bias = np.zeros((V, C, 2), np.float32), np.zeros(V, np.float32)
    for channel, column in enumerate(c for c in range(V) if c != blank):
        weight[column, channel] = scale / 2
    bias[blank] = scale / 2
    nodes, at = [], first
    if layout == "NTC":
        nodes.append(helper.make_node("Transpose", [at], ["turned"], perm=[0, 2, 1]))
        at = "turned"
    if layout == "NCHW":  # (N, 2, 3, W): six values a column
        nodes.append(helper.make_node("Reshape", [at, "flat"], ["turned"]))
        at = "turned"
    nodes += [
        helper.make_node("Conv", [at, "w", "b"], ["conv"], strides=[2]),
        helper.make_node("Transpose", ["conv"], ["scores"], perm=[0, 2, 1]),
    ]
    kinds = {"logits": "Identity", "probabilities": "Softmax", "log_probs": "LogSoftmax"}
    about = {} if answers == "logits" else {"axis": 2}
    nodes.append(helper.make_node(kinds[answers], ["scores"], ["likely"], **about))
    order = {"NTV": (0, 1, 2), "TNV": (1, 0, 2), "NVT": (0, 2, 1)}[axes]
    nodes.append(helper.make_node("Transpose", ["likely"], ["out"], perm=list(order)))
    shapes = {"NCT": [1, C, frames], "NTC": [1, frames, C], "NCHW": [1, 2, 3, frames]}
    shape = [
        n if isinstance(n, int) else "N" if i == 0 else n for i, n in enumerate(shapes[layout])
    ]
    inputs = [helper.make_tensor_value_info(first, TensorProto.FLOAT, shape)]
    if second:
        inputs.append(helper.make_tensor_value_info(second, TensorProto.INT64, [1]))
    output = helper.make_tensor_value_info("out", TensorProto.FLOAT, [None, None, None])
    constants = [
        numpy_helper.from_array(weight, "w"),
        numpy_helper.from_array(bias, "b"),
        numpy_helper.from_array(np.array([1, C, -1]), "flat"),
    ]
    graph = helper.make_graph(nodes, "g", inputs, [output], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    for key, value in (metadata or {}).items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    return bytes(model.SerializeToString())


def spoken(text: str, frames: int = 60) -> np.ndarray:
    """Return (frames, 6) float32 that the networks read as ``text``."""
    x = np.zeros((frames, len(LETTERS)), np.float32)
    for k, letter in enumerate(text):
        x[4 * k + 2 : 4 * k + 4, LETTERS.index(letter)] = 1.0
    return x


def sample(path: Path, texts: tuple[str, ...] = ("abc", "deaf", "fade")) -> Path:
    """Write a labelled sample."""
    np.savez(path, features=np.stack([spoken(t) for t in texts]), texts=np.array(texts))
    return path


def tokens(path: Path, symbols: list[str]) -> Path:
    """Write tokens one a line."""
    path.write_text("\n".join(symbols) + "\n", encoding="utf-8")
    return path
