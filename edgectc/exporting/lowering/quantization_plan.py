"""Which operators of a network are quantized, and how; targets carry it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import nn

from edgectc.core.schemes import Scheme
from edgectc.exporting.lowering.calibration import Histogram, Range

CONVOLUTION = "convolution"
LINEAR = "linear"
RECURRENT = "recurrent"
GATES = "gate inputs"  # of recurrent layers: the product before the loop, which takes most weights
_KINDS: dict[type[nn.Module], str] = {
    nn.Conv1d: CONVOLUTION,
    nn.Conv2d: CONVOLUTION,
    nn.Linear: LINEAR,
    nn.GRU: RECURRENT,
    nn.LSTM: RECURRENT,
}
# By design: features mix units that no common scale fits, and the head's scores are what is
# decided by. Both hold few weights.
FLOAT_PARTS = ("features", "head")


@dataclass(frozen=True)
class Operator:
    """A layer with weights.

    Attributes:
        name: path of its module, e.g. ``encoder.stem.conv``.
        kind: "convolution", "linear", "recurrent" or "gate inputs".
        weights: number of its weights, of this kind.
    """

    name: str
    kind: str
    weights: int


@dataclass(frozen=True)
class ActivationStatistics:
    """Histograms of an operator's input and output over valid frames."""

    input: Histogram
    output: Histogram


@dataclass(frozen=True)
class Plan:
    """A scheme, the operators it is applied to, and the ranges of their activations.

    Attributes:
        inputs: range of the input of each operator; static schemes only.
        outputs: range of its output.
        rectified: range of its output after a ReLU.
    """

    scheme: Scheme
    operators: frozenset[str]
    inputs: Mapping[str, Range] = field(default_factory=dict)
    outputs: Mapping[str, Range] = field(default_factory=dict)
    rectified: Mapping[str, Range] = field(default_factory=dict)


def operators(
    model: nn.Module, kinds: tuple[str, ...], kept: tuple[str, ...] = ()
) -> list[Operator]:
    """Return the operators of a network that may be quantized, in the order of its modules.

    Args:
        model: the network.
        kinds: of operators.
        kept: parts of paths whose operators stay in float.
    """
    found = []
    for name, module in model.named_modules():
        kind = _KINDS.get(type(module), "")
        if kind == RECURRENT and GATES in kinds:
            kind = GATES
        path = name.removeprefix("model.").split(".")  # of a stream of ours
        if kind in kinds and path[0] not in FLOAT_PARTS and not {*path} & {*kept}:
            weights = sum(
                one.numel()
                for label, one in module.named_parameters()
                if one.dim() > 1 and not (kind == GATES and label.startswith("weight_hh"))
            )
            found.append(Operator(name, kind, weights))
    return found
