"""Takes a network down as the steps of a native artifact; each of its parts knows its own."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np
from torch import Tensor, nn

from edgectc.core.errors import ExportError
from edgectc.core.types import Array
from edgectc.formats import native_program as native
from edgectc.formats.native_program import Program, Step
from edgectc.networks.lowering import Lowerable, NativeWriter


def lowered(model: nn.Module, *, frames: int, channels: int, int8: Collection[str]) -> Program:
    """Return the program of a network.

    Args:
        model: a `CtcModel`, folded.
        frames: the most that go in.
        channels: of a frame.
        int8: names of the convolutions whose weights go into int8.

    Raises:
        ExportError: a part of the network has no kernels.
    """
    children = dict(model.named_children())
    parts = {name: part for name, part in children.items() if isinstance(part, Lowerable)}
    lacking = [name for name in ("features", "encoder", "head") if name not in parts]
    if lacking:
        has = type(children.get(lacking[0], model)).__name__
        raise ExportError(
            f"target 'native' has no kernels for the {lacking[0]} {has!r} yet: it takes features "
            "'swipe' with encoder 'tcn'; export this network with --target onnx or pte"
        )
    quantized = {model.get_submodule(name) for name in int8}
    writer = Writer(frames, channels, quantized)
    x = parts["features"].lower(writer)
    assert x is not None
    x = parts["encoder"].lower(writer, x)
    assert x is not None
    parts["head"].lower(writer, x)
    return writer.program()


class Writer(NativeWriter):
    """Collects steps; every one gives a new value, and places are shared at the end."""

    def __init__(self, frames: int, channels: int, int8: Collection[nn.Module]) -> None:
        self._int8 = int8
        self._program = Program(frames, channels, 0, 1)
        self._shapes: list[tuple[int, int]] = []  # channels and stride of each value

    def swipe(self, code: nn.Linear, inner: nn.Linear, outer: nn.Linear, *, reach: float) -> int:
        """Return the features of a swipe."""
        tensors = [t for layer in (code, inner, outer) for t in _dense(layer)]
        result = self._value(15 + inner.out_features, 1)
        places = self._program.add(*tensors)
        step = Step(native.SWIPE, result=result, number=reach, tensors=places)
        self._program.steps.append(step)
        return result

    def convolution(
        self, x: int, layer: nn.Conv1d, *, relu: bool = False, onto: int | None = None
    ) -> int:
        """Return relu(onto + layer(x)).

        Raises:
            ExportError: the convolution has groups, or is no "same" one of an odd kernel.
        """
        (kernel,), (dilation,), (stride,) = layer.kernel_size, layer.dilation, layer.stride
        if layer.groups != 1 or layer.padding != (dilation * (kernel // 2),) or not kernel % 2:
            raise ExportError(f"target 'native' has no kernel for {layer} yet")
        channels, before = self._shapes[x]
        assert channels == layer.in_channels
        matrix = _array(layer.weight).transpose(2, 1, 0)  # (kernel, in, out)
        bias = np.zeros(layer.out_channels) if layer.bias is None else _array(layer.bias)
        flags = native.RELU * relu | native.ADD * (onto is not None)
        if layer in self._int8:
            codes, scale = native.int8_panels(matrix)
            tensors, flags = [codes, native.vector(bias), scale], flags | native.INT8
        else:
            laid = native.panels(matrix.reshape(-1, layer.out_channels))
            tensors = [laid, native.vector(bias)]
        result = self._value(layer.out_channels, before * stride) if onto is None else onto
        places = self._program.add(*tensors)
        step = Step(native.CONVOLUTION, x, result, flags, kernel, dilation, stride, tensors=places)
        self._program.steps.append(step)
        return result

    def key_scores(self, x: int, blank: Tensor, *, bound: float) -> None:
        """End with the scores of the keys."""
        places = self._program.add(native.vector(_array(blank).ravel()))
        self._program.stride = self._shapes[x][1]
        self._program.steps.append(Step(native.KEY_SCORES, x, number=bound, tensors=places))

    def program(self) -> Program:
        """Return the program; values that are never needed at once lie in one place."""
        steps = self._program.steps
        last = {step.source: i for i, step in enumerate(steps) if step.kind != native.SWIPE}
        places: dict[int, int] = {}
        free: list[tuple[tuple[int, int], int]] = []
        for i, step in enumerate(steps):
            if step.kind != native.KEY_SCORES and step.result not in places:
                shape = self._shapes[step.result]
                fits = [one for one in free if one[0] == shape]
                for one in fits[:1]:
                    free.remove(one)
                places[step.result] = fits[0][1] if fits else len({*places.values()})
            ended = step.kind != native.SWIPE and last[step.source] == i
            steps[i] = replace(
                step,
                source=0 if step.kind == native.SWIPE else places[step.source],
                result=0 if step.kind == native.KEY_SCORES else places[step.result],
            )
            if ended:
                free.append((self._shapes[step.source], places[step.source]))
        return self._program

    def _value(self, channels: int, stride: int) -> int:
        self._shapes.append((channels, stride))
        return len(self._shapes) - 1


def _array(tensor: Tensor) -> Array:
    values: Array = tensor.detach().cpu().float().numpy()
    return values


def _dense(layer: nn.Linear) -> tuple[native.Tensor, native.Tensor]:
    return native.panels(_array(layer.weight).T), native.vector(_array(layer.bias))
