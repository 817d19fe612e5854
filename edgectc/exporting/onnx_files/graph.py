"""A foreign ONNX graph behind our contract: features and length in, log_probs (1, T', V) out.

Only nodes before and after it are added; its own are left as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from edgectc.core.errors import ExportError
from edgectc.core.toolchain_errors import explained
from edgectc.data.columns import Input
from edgectc.exporting.onnx_files.further import Further, Memory

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto

LAYOUTS = ("NT", "NTC", "NCT", "NCHW", "NHWC")
FRAMES, ANSWERED = "T", "frames"  # names of the two dynamic axes
SHORTEST = "edgectc_shortest"  # metadata: fewest frames that the graph takes
HIDDEN = -1e4  # of a mask that is added to scores; float16 holds it
TINY = float(np.finfo(np.float32).tiny)  # log of a probability of 0
_NAMES = ("features", "length", "log_probs")
_KINDS = {"float32": 1, "float16": 10, "int64": 7, "int32": 6, "bool": 9}


@dataclass(frozen=True)
class Interface:
    """What a foreign graph takes and answers.

    Attributes:
        name: of its first input.
        layout: of that input, one of `LAYOUTS`; the last of T and W is time.
        dtype: of that input.
        channels: of a frame, C.
        height: of an image, H; 1 elsewhere.
        frames: that its input has, None where any number will do.
        second: name of the input that tells the length; "" if there is none.
        second_meaning: "lengths", "share", "mask" (1 = valid), "padding mask" (1 = padding) or
            "added mask" (0 = valid, -1e4 = padding, added to scores).
        second_dtype: of that input.
        output: name of the answer.
        axes: order that makes the answer (N, T', V).
        kind: "log_probs", "logits" or "probabilities".
        columns: of the answer, V.
        further: inputs beside those two.
        memories: states; empty where it sees a recording whole.
        chunk: frames by which a step moves on; 0 where it sees a recording whole.
        answered: frames of the answer to one step.
    """

    name: str
    layout: str
    dtype: str
    channels: int
    height: int
    frames: int | None
    second: str = ""
    second_meaning: str = ""
    second_dtype: str = "int64"
    output: str = ""
    axes: tuple[int, int, int] = (0, 1, 2)
    kind: str = ""
    columns: int = 0
    further: tuple[Further, ...] = ()
    memories: tuple[Memory, ...] = ()
    chunk: int = 0
    answered: int = 0

    @property
    def own(self) -> int:
        """Return the values of a frame of the first input."""
        return self.channels * self.height

    @property
    def width(self) -> int:
        """Return the values of a frame, those of further inputs among them."""
        return self.own + sum(one.width for one in self.further)

    @property
    def fixed(self) -> int | None:
        """Return the frames that every recording is padded to, None where any number will do."""
        return None if self.chunk else self.frames

    @property
    def look_ahead(self) -> int:
        """Return the frames that a step sees after its chunk."""
        return (self.frames or 0) - self.chunk if self.chunk else 0

    @property
    def stride(self) -> int:
        """Return the input frames of an output frame of a step."""
        return self.chunk // self.answered

    def inputs(self) -> tuple[Input, ...]:
        """Return what the columns are where there are further inputs."""
        columns = [one.column() for one in self.further if one.width]
        if not columns:
            return ()
        image = self.layout in ("NCHW", "NHWC")
        inner: tuple[int, ...] = (self.channels, self.height) if image else (self.channels,)
        inner = () if self.layout == "NT" else inner
        return (Input(self.name, "image" if image else "frames", inner), *columns)


def permutation(layout: str) -> tuple[tuple[int, ...], bool]:
    """Return the order of axes that makes (1, T, C, H) the layout, and whether H is one of them."""
    orders = {"NTC": (0, 1, 2), "NCT": (0, 2, 1), "NCHW": (0, 2, 3, 1), "NHWC": (0, 3, 1, 2)}
    return orders[layout], layout in ("NCHW", "NHWC")


def wrapped(model: ModelProto, about: Interface, *, shortest: int) -> bytes:
    """Return the serialized graph with nodes before and after it.

    Args:
        model: the foreign graph; it is changed.
        about: what it takes and answers.
        shortest: fewest frames that it takes.

    Raises:
        ExportError: the result is not valid ONNX.
    """
    import onnx

    graph = model.graph
    _renamed(graph, {name: f"own/{name}" for name in _NAMES})
    about = moved(about)
    before, constants = _entrance(about)
    after, more = _exit(about)
    graph.initializer.extend([*constants, *more])
    nodes = [*before, *graph.node, *after]
    del graph.node[:]
    graph.node.extend(nodes)
    names = {tensor.name for tensor in graph.initializer}
    del graph.input[:]
    del graph.output[:]
    kind, frames = onnx.TensorProto, about.frames or FRAMES
    made = onnx.helper.make_tensor_value_info
    graph.input.append(made("features", kind.FLOAT, [1, frames, about.width]))
    graph.input.append(made("length", kind.INT32, [1]))
    answered = about.answered or ANSWERED
    graph.output.append(made("log_probs", kind.FLOAT, [1, answered, about.columns]))
    for state in about.memories:
        held = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(state.dtype))
        graph.input.append(made(state.name, held, state.shape))
        graph.output.append(made(state.output, held, state.shape))
    del graph.value_info[:]
    if about.frames is None:
        entry = model.metadata_props.add()
        entry.key, entry.value = SHORTEST, str(shortest)
    if len(names) != len(graph.initializer):
        raise ExportError("the file names two constants alike")
    try:
        onnx.checker.check_model(model)
    except Exception as error:  # the checker raises its own unrelated classes
        raise ExportError(f"the ONNX checker refuses the graph: {explained(error)}") from error
    data: bytes = model.SerializeToString()
    return data


def moved(about: Interface) -> Interface:
    """Return an interface by the names that its tensors have in the wrapped graph."""

    def name(old: str) -> str:
        return f"own/{old}" if old in _NAMES else old

    further = tuple(replace(one, name=name(one.name)) for one in about.further)
    states = [replace(m, name=name(m.name), output=name(m.output)) for m in about.memories]
    return replace(
        about, name=name(about.name), second=name(about.second), output=name(about.output),
        further=further, memories=tuple(states),
    )  # fmt: skip


def _renamed(graph: GraphProto, names: dict[str, str]) -> None:
    """Give tensors that are called as ours other names, inner graphs included."""
    for value in [*graph.input, *graph.output, *graph.initializer, *graph.value_info]:
        value.name = names.get(value.name, value.name)
    for node in graph.node:
        for values in (node.input, node.output):
            for i, name in enumerate(values):
                values[i] = names.get(name, name)
        for attribute in node.attribute:
            for inner in [attribute.g, *attribute.graphs]:
                if inner.node:
                    _renamed(inner, names)


def _constant(name: str, values: list[int] | list[float], dtype: str) -> TensorProto:
    import onnx

    return onnx.numpy_helper.from_array(np.array(values, dtype), f"ours.{name}")


def _node(kind: str, given: list[str], out: str, **attributes: int | list[int]) -> NodeProto:
    import onnx

    return onnx.helper.make_node(kind, given, [out], name=f"ours.{out}", **attributes)


def _entrance(about: Interface) -> tuple[list[NodeProto], list[TensorProto]]:
    """Return nodes and constants from our inputs to the graph's own."""
    nodes, constants, at = _columns(about)
    if about.layout == "NT":
        constants.append(_constant("wave", [1, -1], "int64"))
        nodes.append(_node("Reshape", [at, "ours.wave"], "ours.native"))
    else:
        order, image = permutation(about.layout)
        if image:
            shape = [1, -1, about.channels, about.height]
            constants.append(_constant("image", shape, "int64"))
            nodes.append(_node("Reshape", [at, "ours.image"], "ours.columns"))
            at = "ours.columns"
        nodes.append(_node("Transpose", [at], "ours.native", perm=list(order)))
    nodes.append(_node("Cast", ["ours.native"], about.name, to=_KINDS[about.dtype]))
    if not about.second:
        return nodes, constants
    kind = _KINDS[about.second_dtype]
    if about.second_meaning == "lengths":
        nodes.append(_node("Cast", ["length"], about.second, to=kind))
        return nodes, constants
    constants += [_constant(str(n), [n], "int64") for n in (0, 1)]
    nodes += [
        _node("Shape", ["features"], "ours.shape"),
        _node("Gather", ["ours.shape", "ours.1"], "ours.given", axis=0),
    ]
    if about.second_meaning == "share":
        nodes += [
            _node("Cast", ["length"], "ours.valid", to=1),
            _node("Cast", ["ours.given"], "ours.whole", to=1),
            _node("Div", ["ours.valid", "ours.whole"], "ours.share"),
            _node("Cast", ["ours.share"], about.second, to=kind),
        ]
        return nodes, constants
    constants += [_scalar("start", 0), _scalar("step", 1), _constant("row", [1, -1], "int64")]
    nodes += [
        _node("ReduceMax", ["ours.given"], "ours.count", keepdims=0),
        _node("Range", ["ours.start", "ours.count", "ours.step"], "ours.places"),
        _node("Cast", ["length"], "ours.valid", to=7),
        _node("Less", ["ours.places", "ours.valid"], "ours.keep"),
        _node("Reshape", ["ours.keep", "ours.row"], "ours.mask"),
    ]
    told = "ours.mask"
    if about.second_meaning == "padding mask":
        told = "ours.padding"
        nodes.append(_node("Not", ["ours.mask"], told))
    if about.second_meaning == "added mask":
        told = "ours.added"
        constants += [
            _constant("shown", [0.0], "float32"),
            _constant("hidden", [HIDDEN], "float32"),
        ]
        nodes.append(_node("Where", ["ours.mask", "ours.shown", "ours.hidden"], told))
    nodes.append(_node("Cast", [told], about.second, to=kind))
    return nodes, constants


def _columns(about: Interface) -> tuple[list[NodeProto], list[TensorProto], str]:
    """Return nodes and constants that part the columns, and what holds those of the first input."""
    import onnx

    nodes: list[NodeProto] = []
    constants: list[TensorProto] = []
    for one in about.further:
        if one.kind == "constant":
            value = one.native(np.zeros((1, 0), np.float32))
            constants.append(onnx.numpy_helper.from_array(value, one.name))
    if about.width == about.own:
        return nodes, constants, "features"
    constants += [_constant("axes", [1, 2], "int64")]

    def cut(out: str, first: int, last: int, frames: int) -> None:
        start, end = f"{out}.start".removeprefix("ours."), f"{out}.end".removeprefix("ours.")
        constants.append(_constant(start, [0, first], "int64"))
        constants.append(_constant(end, [frames, last], "int64"))
        nodes.append(_node("Slice", ["features", f"ours.{start}", f"ours.{end}", "ours.axes"], out))

    cut("ours.first", 0, about.own, 1 << 31)
    at = about.own
    for i, one in enumerate(one for one in about.further if one.width):
        moves = one.kind in ("frames", "ids")
        cut(f"ours.part{i}", at, at + one.width, 1 << 31 if moves else 1)
        constants.append(_constant(f"shape{i}", list(one.shape), "int64"))
        nodes.append(_node("Reshape", [f"ours.part{i}", f"ours.shape{i}"], f"ours.shaped{i}"))
        nodes.append(_node("Cast", [f"ours.shaped{i}"], one.name, to=_KINDS[one.dtype]))
        at += one.width
    return nodes, constants, "ours.first"


def _scalar(name: str, value: int) -> TensorProto:
    import onnx

    return onnx.numpy_helper.from_array(np.array(value, np.int64), f"ours.{name}")


def _exit(about: Interface) -> tuple[list[NodeProto], list[TensorProto]]:
    """Return nodes and constants from the graph's own answer to log_probs."""
    nodes = [
        _node("Cast", [about.output], "ours.scores", to=1),
        _node("Transpose", ["ours.scores"], "ours.ordered", perm=list(about.axes)),
    ]
    constants: list[TensorProto] = []
    at = "ours.ordered"
    if about.chunk:  # what a step answers to its look-ahead, the next one answers too
        bounds = {"first": [0], "last": [about.answered], "time": [1]}
        constants += [_constant(f"step.{key}", value, "int64") for key, value in bounds.items()]
        nodes.append(_node("Slice", [at, *(f"ours.step.{key}" for key in bounds)], "ours.step"))
        at = "ours.step"
    if about.kind == "log_probs":
        nodes.append(_node("Identity", [at], "log_probs"))
    elif about.kind == "logits":
        nodes.append(_node("LogSoftmax", [at], "log_probs", axis=2))
    else:
        nodes.append(_node("Max", [at, "ours.tiny"], "ours.positive"))
        nodes.append(_node("Log", ["ours.positive"], "log_probs"))
        constants.append(_constant("tiny", [TINY], "float32"))
    return nodes, constants
