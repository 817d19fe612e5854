"""Reads the steps of a native artifact; needs numpy alone."""

from __future__ import annotations

from edgectc.evaluation.inspection.contents import Contents, Operator, Weight, summed
from edgectc.formats import native_program as native
from edgectc.formats.native_program import Program, Step

_KINDS = {native.SWIPE: "SwipeFeatures", native.CONVOLUTION: "Convolution"}
_KINDS |= {native.KEY_SCORES: "KeyScores"}
_TYPES = {native.ROWS: "float32", native.PANELS: "float32", native.INT8_PANELS: "int8"}


def read(data: bytes) -> Contents:
    """Return what the bytes of a native artifact hold, for its longest input.

    Raises:
        BundleError: the bytes are no native artifact.
    """
    program = native.read(data)
    strides, operators, weights = {program.steps[0].result: 1}, [], []
    for i, step in enumerate(program.steps):
        stride = strides.get(step.source, 1) * step.stride
        if step.kind == native.CONVOLUTION:
            strides[step.result] = stride
        frames = (program.frames - 1) // stride + 1
        integers = step.flags & native.INT8
        macs = _macs(program, step, frames)
        operators.append(Operator(_KINDS[step.kind], "int8" if integers else "float32", macs))
        for k, place in enumerate(step.tensors):
            tensor = program.tensors[place]
            shape = (tensor.rows, tensor.columns)
            dtype = _TYPES[tensor.kind]
            weights.append(Weight(f"step {i}, tensor {k}", dtype, shape, tensor.size_bytes))
    return summed(operators, weights, delegates=False)


def _macs(program: Program, step: Step, frames: int) -> int:
    """Return the multiply-adds of a step; key codes are computed once a layout and not counted."""
    if step.kind == native.CONVOLUTION:
        weights = program.tensors[step.tensors[0]]
        return frames * weights.rows * weights.columns
    if step.kind == native.SWIPE:
        return frames * (program.columns - 1) * program.tensors[step.tensors[2]].columns
    across = program.tensors[step.tensors[0]].columns
    return ((program.frames - 1) // program.stride + 1) * program.columns * across
