"""Reads the operators of an ExecuTorch program, XNNPACK's included; needs nothing but this file.

Source: ``exir/_serialize/program.fbs`` and ``backends/xnnpack/serialization/schema.fbs`` of
ExecuTorch 1.4, whose field numbers stand below.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace

from edgectc.core.errors import BundleError
from edgectc.evaluation.inspection.contents import Contents, Operator, Weight, elements, summed
from edgectc.formats import one_program
from edgectc.formats.flatbuffer import Table

_SCALARS = {0: "uint8", 1: "int8", 2: "int16", 3: "int32", 4: "int64", 5: "float16", 6: "float32"}
_SCALARS |= {7: "float64", 11: "bool", 15: "bfloat16"}
_XNN = {1: "float32", 2: "float16", 3: "int8", 4: "uint8", 5: "int32", 6: "int8", 7: "int32"}
_XNN |= {8: "int4", 9: "int8", 10: "int4", 11: "int8", 12: "int32", 13: "float32", 14: "bfloat16"}
_BITS = {"float64": 64, "int64": 64, "float32": 32, "int32": 32, "int16": 16, "int4": 4}
_BITS |= {"float16": 16, "bfloat16": 16}
# In the order of the union XNodeUnion, from 1.
_NODES = (
    "Add FullyConnected Softmax Sigmoid StaticTranspose Clamp Conv2d Div StaticResizeBilinear2D "
    "StaticConstantPad AvgPooling2d Minimum DepthwiseConv2d MaxPooling2d Multiply Subtract Floor "
    "Convert GlobalAvgPooling2d StaticReshape ArgMaxPooling2d SquareRoot Ceiling Hardswish "
    "LeakyReLU Maximum Negate Square ELU Abs PReLU Concatenate2 Concatenate3 Concatenate4 "
    "StaticSlice ScaledDotProductAttention BatchMatrixMultiply Concatenate5 ConvTranspose2d "
    "ReciprocalSquareRoot Log Gelu Tanh Exp Sin Copy Cos"
).split()
_CONV = ("Conv2d", "DepthwiseConv2d", "ConvTranspose2d")
# Field of the output in each node's table, where it is not the one of a 1x1 node.
_OUTPUT = dict.fromkeys(("Add", "Div", "Minimum", "Multiply", "Subtract", "Maximum", "PReLU"), 2)
_OUTPUT |= {"BatchMatrixMultiply": 2, "FullyConnected": 3, "StaticTranspose": 3, "ELU": 2}
_OUTPUT |= {"StaticReshape": 3, "StaticSlice": 4, "StaticConstantPad": 4, "LeakyReLU": 2}
_OUTPUT |= dict.fromkeys(_CONV, 18) | dict.fromkeys(("AvgPooling2d", "MaxPooling2d"), 11)
_OUTPUT |= dict.fromkeys(("Concatenate2", "Concatenate3", "Concatenate4", "Concatenate5"), 5)


def read(data: bytes) -> Contents:
    """Return what the bytes of a ``.pte`` file hold, all its methods together.

    Raises:
        BundleError: the bytes are no ExecuTorch program.
    """
    operators, weights, sizes = _read(data)
    return replace(summed(operators, weights, delegates=True), planned_bytes=sizes)


def stored(data: bytes) -> list[Weight]:
    """Return the stored tensors of a program; XNNPACK's are named by a hash of their content.

    Raises:
        BundleError: the bytes are no ExecuTorch program.
    """
    return _read(data)[1]


def _read(data: bytes) -> tuple[list[Operator], list[Weight], dict[str, int]]:
    try:
        if data[4:6] != b"ET":
            raise ValueError("no ExecuTorch identifier")
        program = _Program(data)
        operators = list(program.operators())
        return operators, list(program.weights.values()), one_program.planned(data)
    except (ValueError, IndexError, struct.error) as error:
        raise BundleError(f"the file is no ExecuTorch program: {error}") from error


class _Program:
    """The root table and the segments behind it."""

    def __init__(self, data: bytes) -> None:
        self.data, self.root = data, Table.root(data)
        self.base = 0
        if data[8:12] == b"eh00":
            self.base = int(struct.unpack_from("<Q", data, 24)[0])
        self.segments = [(t.number(0, "Q"), t.number(1, "Q")) for t in self.root.tables(4)]
        self.inline = [t.raw(0) for t in self.root.tables(3)]
        self.weights: dict[str, Weight] = {}

    def operators(self) -> Iterator[Operator]:
        """Yield the operators of every method but those that hold constants; fill ``weights``."""
        for plan in self.root.tables(1):
            values = list(plan.tables(2))
            names = [f"{t.text(0)}.{t.text(1)}".rstrip(".") for t in plan.tables(6)]
            delegates = list(plan.tables(7))
            for chain in plan.tables(5):
                for step in chain.tables(2):
                    yield from self._step(step, values, names, delegates)
            for i, value in enumerate(values):
                self._constant(plan.text(0), i, value)

    def _step(
        self, step: Table, values: list[Table], names: list[str], delegates: list[Table]
    ) -> Iterator[Operator]:
        kind, call = step.number(0, "B"), step.table(1)
        if call is None:
            return
        if kind == 1:
            yield _kernel(names[call.number(0, "i")], [values[i] for i in call.numbers(1, "i")])
        elif kind == 2:
            yield from self._delegate(delegates[call.number(0, "i")])

    def _delegate(self, delegate: Table) -> Iterator[Operator]:
        name, where = delegate.text(0), delegate.table(1)
        if where is None:
            return
        index = where.number(1)
        if where.number(0, "b") == 0:
            blob = self.inline[index]
        else:
            offset, size = self.segments[index]
            blob = self.data[self.base + offset : self.base + offset + size]
        if blob[4:8] == b"XH00":
            yield from self._xnnpack(name, Table.root(blob, struct.unpack_from("<I", blob, 10)[0]))
        else:
            yield Operator("delegated graph", "unknown", 0, name)

    def _xnnpack(self, name: str, graph: Table) -> Iterator[Operator]:
        values = {}
        stored = list(graph.tables(8))
        for value in graph.tables(2):
            inner = value.table(1)
            if inner is not None and value.number(0, "B") == 2:
                inner = inner.table(0)
            if inner is None:
                continue
            values[inner.number(6)] = inner
            held = inner.number(3)
            if held:
                key = stored[held].text(2) or f"{name} {held}"
                dtype, dims = _XNN.get(inner.number(0, "h"), "unknown"), inner.numbers(2)
                self.weights[key] = Weight(key[:16], dtype, dims, stored[held].number(1, "Q"))
        for node in graph.tables(1):
            kind, about = _NODES[node.number(0, "B") - 1], node.table(1)
            if about is not None:
                yield _node(kind, about, values, name)

    def _constant(self, plan: str, index: int, value: Table) -> None:
        tensor = value.table(1)
        if value.number(0, "B") != 5 or tensor is None or not tensor.number(5) or tensor.table(6):
            return
        dtype, shape = _SCALARS.get(tensor.number(0, "b"), "unknown"), tensor.numbers(2, "i")
        size = (elements(shape) * _BITS.get(dtype, 8) + 7) // 8
        # Methods share their constants, so the place in the segment names one.
        self.weights[f"constant {tensor.number(5)}"] = Weight(
            f"{plan} value {index}", dtype, shape, size
        )


def _kernel(name: str, arguments: list[Table]) -> Operator:
    """An operator that no backend took, with its own kernel of the runtime."""
    tensors = [t for v in arguments if v.number(0, "B") == 5 and (t := v.table(1)) is not None]
    if not tensors:
        return Operator(name, "unknown")
    shapes = [tensor.numbers(2, "i") for tensor in tensors]
    dtype = _SCALARS.get(tensors[-1].number(0, "b"), "unknown")
    plain, out, macs = name.removeprefix("aten::").partition(".")[0], elements(shapes[-1]), 0
    if plain in ("mm", "bmm", "linear") and len(shapes) > 2:
        macs = out * shapes[0][-1]
    elif plain == "addmm" and len(shapes) > 3:
        macs = out * shapes[1][-1]
    elif plain == "convolution" and len(shapes) > 2:
        macs = out * elements(shapes[1][1:])
    return Operator(name, dtype, macs)


def _node(kind: str, node: Table, values: dict[int, Table], delegate: str) -> Operator:
    """An operator of an XNNPACK graph."""

    def shape(identifier: int) -> tuple[int, ...]:
        return values[identifier].numbers(2) if identifier in values else ()

    out_id = node.number(_OUTPUT.get(kind, 1))
    deciding, macs = out_id, 0
    if kind == "FullyConnected":
        deciding = node.number(1)
        macs = elements(shape(out_id)) * shape(deciding)[-1]
    elif kind in _CONV:
        deciding = node.number(16)
        kernel = node.number(4) * node.number(5)
        across = node.number(11) if kind == "ConvTranspose2d" else node.number(10)
        of = node.number(15) if kind == "ConvTranspose2d" else out_id
        macs = elements(shape(of)) * kernel * across
    elif kind == "BatchMatrixMultiply":
        macs = elements(shape(out_id)) * shape(node.number(0))[-1]
    dtype = _type(values, deciding)
    if deciding != out_id:
        given = _type(values, node.number(15 if kind in _CONV else 0))
        if given != dtype and given.startswith("float"):
            dtype = f"{given} ({dtype} weights)"
    return Operator(kind, dtype, macs, delegate)


def _type(values: dict[int, Table], identifier: int) -> str:
    value = values.get(identifier)
    return _XNN.get(value.number(0, "h"), "unknown") if value is not None else "unknown"
