"""The program of a Core ML package, read back from its files and evaluated with numpy.

Core ML runs on Apple systems only. This evaluates the operators as coremltools documents them, so
that names, shapes, every weight and the arithmetic of a package can be compared with the trained
network anywhere. It is no proof of what a device computes.

Source: "MIL Ops", the operator reference of coremltools 9.0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from edgectc.core.console import suppress_output
from edgectc.core.contracts import Runner
from edgectc.core.errors import BundleError, ExportError, MissingDependencyError
from edgectc.core.staging import scratch
from edgectc.core.types import Array

_KINDS = {65568: "float32", 131104: "int32", 65552: "float16"}  # ArrayDataType, FeatureTypes.proto


class MilProgram(Runner):
    """The main function of a package.

    Attributes:
        inputs: name -> (dtype, shape), in call order.

    Raises:
        MissingDependencyError: coremltools is not installed.
        BundleError: the files hold no ML program.
    """

    name = "coreml"

    def __init__(self, files: Mapping[str, bytes]) -> None:
        spec, program = _read(files)
        self.inputs = _features(spec.description.input)
        self._outputs = _features(spec.description.output)
        self._main = program.functions["main"]
        self._weights: dict[str, Array] = {}
        _collect(self._main, self._weights)

    @property
    def weights(self) -> Mapping[str, Array]:
        """Return the stored tensors of floats by name."""
        return self._weights

    def contract(self) -> dict[str, tuple[str, list[int]]]:
        """Return name -> (dtype, shape) of each input as the package itself states it."""
        return self.inputs

    def outputs(self) -> dict[str, tuple[str, list[int]]]:
        """Return the same of the results."""
        return self._outputs

    def run(self, inputs: Mapping[str, Array]) -> Array:
        """Return log_probs (1, T', V) float32."""
        values: dict[Any, Any] = {var: inputs[name] for name, var in self._main.inputs.items()}
        with np.errstate(all="ignore"):
            _evaluate(self._main, values)
        log_probs: Array = values[self._main.outputs[0]]
        return log_probs


def _read(files: Mapping[str, bytes]) -> tuple[Any, Any]:
    try:
        with suppress_output():
            import coremltools
            from coremltools.converters.mil.frontend.milproto.load import load
    except ImportError as error:
        raise MissingDependencyError(
            "reading .mlpackage", package="coremltools", extra="coreml"
        ) from error
    with scratch() as folder:
        place = folder / "model.mlpackage"
        for name, data in files.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(data)
        try:
            with suppress_output():
                model = coremltools.models.MLModel(str(place), skip_model_load=True)
                spec = model.get_spec()
                program = load(
                    spec,
                    specification_version=spec.specificationVersion,
                    file_weights_dir=model.weights_dir,
                )
        except Exception as error:  # coremltools raises many unrelated classes
            raise BundleError(f"coremltools cannot read the package: {error}") from error
    return spec, program


def _features(features: Any) -> dict[str, tuple[str, list[int]]]:
    found = {}
    for one in features:
        array = one.type.multiArrayType
        found[one.name] = (_KINDS.get(array.dataType, str(array.dataType)), list(array.shape))
    return found


def _collect(block: Any, found: dict[str, Array]) -> None:
    for op in block.operations:
        if op.op_type == "const" or op.op_type.startswith("constexpr_"):
            value = _constant(op)
            if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size > 1:
                found[op.name] = value
        for inner in op.blocks:
            _collect(inner, found)


def _constant(op: Any) -> Any:
    if op.op_type == "const":
        return op.outputs[0].val
    return op.materialized_val_inference()


def _evaluate(block: Any, values: dict[Any, Any]) -> None:
    """Compute every operator of a block into ``values``."""
    for op in block.operations:
        if op.op_type == "const" or op.op_type.startswith("constexpr_"):
            results = _constant(op)
        elif op.op_type == "while_loop":
            results = _while(op, values)
        elif op.op_type in _OPERATORS:
            given = {name: _value(var, values) for name, var in op.inputs.items()}
            results = _OPERATORS[op.op_type](**{k: v for k, v in given.items() if v is not None})
        else:
            raise ExportError(f"operator {op.op_type!r} ({op.name}) cannot be checked off a Mac")
        many = len(op.outputs) > 1 or op.op_type == "while_loop"
        for var, value in zip(op.outputs, results if many else [results], strict=True):
            values[var] = value


def _value(var: Any, values: dict[Any, Any]) -> Any:
    if isinstance(var, (list, tuple)):
        return [_value(one, values) for one in var]
    if var is None or var in values:
        return values.get(var)
    return var.val


def _while(op: Any, values: dict[Any, Any]) -> list[Any]:
    test, body = op.blocks
    state = [_value(var, values) for var in op.inputs["loop_vars"]]
    while True:
        values.update(zip(test.inputs, state, strict=True))
        _evaluate(test, values)
        if not np.all(_value(test.outputs[0], values)):
            return state
        values.update(zip(body.inputs, state, strict=True))
        _evaluate(body, values)
        state = [_value(var, values) for var in body.outputs]


def _axes(axes: Any) -> tuple[int, ...] | None:
    return None if axes is None else tuple(int(a) for a in np.atleast_1d(axes))


def _reduced(how: Callable[..., Any]) -> Callable[..., Any]:
    def reduce(x: Any, axes: Any = None, keep_dims: bool = False) -> Any:
        return how(x, axis=_axes(axes), keepdims=bool(keep_dims))

    return reduce


def _slice(
    x: Any, begin: Any, end: Any, stride: Any = None, begin_mask: Any = None, end_mask: Any = None,
    squeeze_mask: Any = None,
) -> Any:  # fmt: skip
    index: list[Any] = []
    for i in range(len(begin)):
        step = 1 if stride is None else int(stride[i])
        if squeeze_mask is not None and squeeze_mask[i]:
            index.append(int(begin[i]))
            continue
        first = None if begin_mask is not None and begin_mask[i] else int(begin[i])
        last = None if end_mask is not None and end_mask[i] else int(end[i])
        index.append(slice(first, last, step))
    return x[tuple(index)]


def _reshape(x: Any, shape: Any) -> Any:
    sizes = [x.shape[i] if size == 0 else int(size) for i, size in enumerate(shape)]
    return x.reshape(sizes)


def _pad(x: Any, pad: Any, mode: str = "constant", constant_val: Any = 0.0) -> Any:
    widths = [(0, 0)] * (x.ndim - len(pad) // 2) + [
        (int(a), int(b)) for a, b in zip(pad[::2], pad[1::2], strict=True)
    ]
    if mode == "constant":
        return np.pad(x, widths, constant_values=constant_val)
    return np.pad(x, widths, mode="reflect" if mode == "reflect" else "edge")


def _padded(x: Any, kernel: Any, strides: Any, pad_type: str, pad: Any, fill: float) -> Any:
    """Add what ``pad_type`` says around the spatial axes."""
    if pad_type == "valid":
        return x
    if pad_type != "custom":
        raise ExportError(f"pad_type {pad_type!r} cannot be checked off a Mac")
    return _pad(x, pad, constant_val=np.float32(fill))


def _windows(x: Any, kernel: Any, strides: Any, dilations: Any) -> Any:
    """(N, C, *out, *kernel) views of what each output frame sees."""
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    n = len(kernel)
    seen = sliding_window_view(x, reach, axis=tuple(range(2, 2 + n)))
    steps = [slice(None, None, int(s)) for s in strides]
    steps += [slice(None, None, int(d)) for d in dilations]
    return seen[(slice(None), slice(None), *steps)]


def _conv(
    x: Any, weight: Any, bias: Any = None, strides: Any = None, pad_type: str = "valid",
    pad: Any = None, dilations: Any = None, groups: int = 1,
) -> Any:  # fmt: skip
    kernel = weight.shape[2:]
    n, G = len(kernel), int(groups)
    strides = np.ones(n, int) if strides is None else strides
    dilations = np.ones(n, int) if dilations is None else dilations
    seen = _windows(_padded(x, kernel, strides, pad_type, pad, 0.0), kernel, strides, dilations)
    N, C, *rest = seen.shape
    out, size = rest[:n], math.prod(kernel)
    flat = seen.reshape(N, G, C // G, math.prod(out), size).transpose(0, 1, 3, 2, 4)
    flat = flat.reshape(N, G, math.prod(out), C // G * size)
    rows = weight.reshape(G, weight.shape[0] // G, -1)
    y = np.matmul(flat, rows.transpose(0, 2, 1)).transpose(0, 1, 3, 2)
    y = y.reshape(N, weight.shape[0], *out)
    return y if bias is None else y + bias.reshape(-1, *[1] * n)


def _conv_transpose(
    x: Any, weight: Any, bias: Any = None, strides: Any = None, pad_type: str = "valid",
    pad: Any = None, dilations: Any = None, groups: int = 1, output_shape: Any = None,
) -> Any:  # fmt: skip
    if weight.ndim != 3 or int(groups) != 1 or pad_type not in ("valid", "custom"):
        raise ExportError("only plain 1-D transposed convolutions can be checked off a Mac")
    step = 1 if strides is None else int(strides[0])
    gap = 1 if dilations is None else int(dilations[0])
    N, _, T = x.shape
    K = weight.shape[2]
    y = np.zeros((N, weight.shape[1], (T - 1) * step + (K - 1) * gap + 1), np.float32)
    for k in range(K):
        y[:, :, k * gap : k * gap + (T - 1) * step + 1 : step] += np.einsum(
            "nct,co->not", x, weight[:, :, k]
        )
    if pad_type == "custom" and pad is not None:
        y = y[:, :, int(pad[0]) : y.shape[2] - int(pad[1])]
    return y if bias is None else y + bias.reshape(-1, 1)


def _max_pool(
    x: Any, kernel_sizes: Any, strides: Any = None, pad_type: str = "valid", pad: Any = None,
    ceil_mode: bool = False,
) -> Any:  # fmt: skip
    if ceil_mode:
        raise ExportError("ceil_mode cannot be checked off a Mac")
    n = len(kernel_sizes)
    strides = np.ones(n, int) if strides is None else strides
    x = _padded(x, kernel_sizes, strides, pad_type, pad, -np.inf)
    return _windows(x, kernel_sizes, strides, np.ones(n, int)).max(axis=tuple(range(-n, 0)))


def _layer_norm(
    x: Any, axes: Any = None, gamma: Any = None, beta: Any = None, epsilon: Any = 1e-5
) -> Any:
    where = _axes(axes) or tuple(range(-(x.ndim), 0))
    centred = x - x.mean(axis=where, keepdims=True)
    y = centred / np.sqrt((centred * centred).mean(axis=where, keepdims=True) + epsilon)
    y = y if gamma is None else y * gamma
    return y if beta is None else y + beta


def _softmax(x: Any, axis: int = -1) -> Any:
    e = np.exp(x - x.max(axis=int(axis), keepdims=True))
    return e / e.sum(axis=int(axis), keepdims=True)


def _log_sum_exp(x: Any, axes: Any, keep_dims: bool = False) -> Any:
    top = x.max(axis=_axes(axes), keepdims=True)
    total: Any = np.log(np.exp(x - top).sum(axis=_axes(axes), keepdims=True)) + top
    return total if keep_dims else np.squeeze(total, _axes(axes))


def _sigmoid(x: Any) -> Any:
    return np.float32(0.5) * (np.tanh(np.float32(0.5) * x) + np.float32(1.0))


def _gelu(x: Any, mode: str = "EXACT") -> Any:
    if mode != "EXACT":
        raise ExportError(f"gelu of mode {mode!r} cannot be checked off a Mac")
    erf: Any = np.asarray(np.frompyfunc(math.erf, 1, 1)(x * math.sqrt(0.5)), np.float32)
    return np.float32(0.5) * x * (np.float32(1.0) + erf)


def _split(x: Any, axis: int, num_splits: Any = None, split_sizes: Any = None) -> list[Any]:
    if split_sizes is None:
        return np.split(x, int(num_splits), axis=int(axis))
    return np.split(x, np.cumsum(split_sizes)[:-1], axis=int(axis))


def _matmul(x: Any, y: Any, transpose_x: bool = False, transpose_y: bool = False) -> Any:
    x = np.swapaxes(x, -1, -2) if transpose_x else x
    return np.matmul(x, np.swapaxes(y, -1, -2) if transpose_y else y)


def _linear(x: Any, weight: Any, bias: Any = None) -> Any:
    y = np.matmul(x, weight.T)
    return y if bias is None else y + bias


def _gather(
    x: Any, indices: Any, axis: int = 0, batch_dims: int = 0, validate_indices: bool = False
) -> Any:
    if int(batch_dims):
        raise ExportError("gather in batches cannot be checked off a Mac")
    return np.take(x, indices, axis=int(axis))


def _scatter(
    data: Any, indices: Any, updates: Any, axis: int = 0, mode: str = "add",
    validate_indices: bool = False,
) -> Any:  # fmt: skip
    if int(axis) or mode not in ("add", "update"):
        raise ExportError(f"scatter of mode {mode!r} cannot be checked off a Mac")
    out = data.copy()
    for place, row in zip(np.atleast_1d(indices), updates, strict=True):
        out[place] = row if mode == "update" else out[place] + row
    return out


def _lstm(
    x: Any, initial_h: Any, initial_c: Any, weight_ih: Any, weight_hh: Any, bias: Any = None,
    direction: str = "forward", output_sequence: bool = False, **more: Any,
) -> list[Any]:  # fmt: skip
    plain = {"recurrent_activation": "sigmoid", "cell_activation": "tanh", "activation": "tanh"}
    if direction != "forward" or any(more.get(k, v) != v for k, v in plain.items()):
        raise ExportError("only plain forward LSTMs can be checked off a Mac")
    gates = np.matmul(x, weight_ih.T)
    gates = gates if bias is None else gates + bias
    h, c, out = initial_h, initial_c, []
    for step in gates:
        i, f, o, z = np.split(step + np.matmul(h, weight_hh.T), 4, axis=1)
        c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(z)
        h = _sigmoid(o) * np.tanh(c)
        out.append(h)
    return [np.stack(out) if output_sequence else h[None], h, c]


def _cast(x: Any, dtype: str) -> Any:
    kinds = {"int32": np.int32, "fp32": np.float32, "fp16": np.float16, "bool": np.bool_}
    return np.asarray(x).astype(kinds[dtype])


_OPERATORS: dict[str, Callable[..., Any]] = {
    "abs": lambda x: np.abs(x),
    "add": lambda x, y: x + y,
    "cast": _cast,
    "clip": lambda x, alpha, beta: np.clip(x, alpha, beta),
    "concat": lambda values, axis, interleave=False: np.concatenate(values, axis=int(axis)),
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "cos": lambda x: np.cos(x),
    "equal": lambda x, y: x == y,
    "exp": lambda x: np.exp(x),
    "expand_dims": lambda x, axes: np.expand_dims(x, _axes(axes) or ()),
    "gather": _gather,
    "gather_along_axis": lambda x, indices, axis=0, validate_indices=False: np.take_along_axis(
        x, indices, int(axis)
    ),
    "gelu": _gelu,
    "greater_equal": lambda x, y: x >= y,
    "identity": lambda x: x,
    "inverse": lambda x, epsilon=1e-4: np.float32(1.0) / (x + np.float32(epsilon)),
    "layer_norm": _layer_norm,
    "less": lambda x, y: x < y,
    "linear": _linear,
    "log": lambda x, epsilon=1e-45: np.log(x + np.float32(epsilon)),
    "lstm": _lstm,
    "matmul": _matmul,
    "max_pool": _max_pool,
    "mul": lambda x, y: x * y,
    "pad": _pad,
    "real_div": lambda x, y: x / y,
    "reduce_argmin": lambda x, axis=-1, keep_dims=False, output_dtype=None: np.argmin(
        x, axis=int(axis), keepdims=bool(keep_dims)
    ).astype(np.int32),
    "reduce_log_sum_exp": _log_sum_exp,
    "reduce_mean": _reduced(np.mean),
    "reduce_sum": _reduced(np.sum),
    "relu": lambda x: np.maximum(x, 0),
    "reshape": _reshape,
    "scatter": _scatter,
    "select": lambda cond, a, b: np.where(cond, a, b),
    "sigmoid": _sigmoid,
    "sigmoid_hard": lambda x, alpha=0.2, beta=0.5: np.clip(alpha * x + beta, 0.0, 1.0),
    "silu": lambda x: x * _sigmoid(x),
    "sin": lambda x: np.sin(x),
    "slice_by_index": _slice,
    "softmax": _softmax,
    "split": _split,
    "sqrt": lambda x: np.sqrt(x),
    "squeeze": lambda x, axes=None: np.squeeze(x, _axes(axes)),
    "stack": lambda values, axis: np.stack(values, axis=int(axis)),
    "sub": lambda x, y: x - y,
    "tanh": lambda x: np.tanh(x),
    "thresholded_relu": lambda x, alpha=1.0: np.where(x >= alpha, x, np.float32(0.0)),
    "tile": lambda x, reps: np.tile(x, [int(r) for r in reps]),
    "transpose": lambda x, perm: np.transpose(x, [int(p) for p in perm]),
}
