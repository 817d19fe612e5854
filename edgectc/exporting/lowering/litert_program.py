"""Runs in the environment "litert": an exported program to a .tflite file, and that to fewer bits.

    python litert_program.py convert PROGRAM.pt2 INPUTS.npz OUT.tflite CONSTANTS.npz
    python litert_program.py quantize FILE.tflite PLAN.json OUT.tflite CONSTANTS.npz

It imports nothing of edgectc, which that environment need not have.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np


def convert(program: str, inputs: str, out: str, constants: str) -> None:
    """Write a flatbuffer, and its constants."""
    import litert_torch
    import torch

    example = {name: torch.from_numpy(value) for name, value in np.load(inputs).items()}
    network = torch.export.load(program).module()
    litert_torch.convert(network, sample_kwargs=example).export(out)
    np.savez(constants, **_floats(Path(out).read_bytes()))


def quantize(path: str, plan: str, out: str, constants: str) -> None:
    """Write a flatbuffer with the weights of some operators in int8, and its constants.

    Args:
        path: flatbuffer in float32.
        plan: JSON: ``recipe``, a function of `ai_edge_quantizer.recipe`, and ``operators``, the
            beginning of the name of each one's weights.
        out: file to write.
        constants: file to write.

    Raises:
        SystemExit: an operator has no weights of its own in the flatbuffer.
    """
    from ai_edge_quantizer import quantizer, recipe

    wanted = json.loads(Path(plan).read_text(encoding="utf-8"))
    (how,) = getattr(recipe, wanted["recipe"])()
    answers = _answers(Path(path).read_bytes(), wanted["operators"])
    steps = [{**how, "regex": f"^{re.escape(name)};?$"} for name in answers]
    made = quantizer.Quantizer(path, steps).quantize(enable_progress_report=False)
    Path(out).write_bytes(bytes(made.quantized_model))
    np.savez(constants, **_floats(Path(out).read_bytes()))


def _answers(data: bytes, operators: Sequence[str]) -> list[str]:
    """Return the name of what each operator gives, found by the name of its weights."""
    found = dict[str, str]()
    for graph in _graphs(data):
        names = [(graph.Tensors(k).Name() or b"").decode() for k in range(graph.TensorsLength())]
        for k in range(graph.OperatorsLength()):
            operator = graph.Operators(k)
            taken = [names[i] for i in operator.InputsAsNumpy() if i >= 0]
            for name in operators:
                # The weights come second, after what they are multiplied with.
                if len(taken) > 1 and re.fullmatch(rf"{re.escape(name)};\d*", taken[1]):
                    found[name] = names[operator.OutputsAsNumpy()[0]]
    if lacking := [name for name in operators if name not in found]:
        sys.exit(f"the flatbuffer has no operator with the weights of {lacking[0]}")
    return list(found.values())


def _graphs(data: bytes) -> list[Any]:
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(data, 0)
    return [model.Subgraphs(i) for i in range(model.SubgraphsLength())]


def _floats(data: bytes) -> dict[str, Any]:
    """Return every constant of floats, and every scale, by the name of its tensor."""
    from ai_edge_litert import schema_py_generated as schema

    model, found = schema.Model.GetRootAs(data, 0), dict[str, Any]()
    for i, graph in enumerate(_graphs(data)):
        for k in range(graph.TensorsLength()):
            tensor = graph.Tensors(k)
            name = f"{i}.{k} {(tensor.Name() or b'').decode()}".replace("/", ".")[:200]
            values = model.Buffers(tensor.Buffer()).DataAsNumpy()
            if tensor.Type() == schema.TensorType.FLOAT32 and isinstance(values, np.ndarray):
                found[name] = values.view(np.float32)
            scales = tensor.Quantization() and tensor.Quantization().ScaleAsNumpy()
            if isinstance(scales, np.ndarray):
                found[f"{name} scale"] = scales
    return found


if __name__ == "__main__":
    {"convert": convert, "quantize": quantize}[sys.argv[1]](*sys.argv[2:])
