"""What PT2E is given, and what it makes; the oracle is the network in float, or PyTorch's words."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from edgectc.core import schemes
from edgectc.exporting.lowering import pt2e, pte_repairs
from edgectc.exporting.lowering.quantization_plan import Plan

STATIC = Plan(
    schemes.scheme("int8-static"),
    frozenset({"layer"}),
    inputs={"layer": (-3.0, 3.0)},
    outputs={"layer": (-1e-4, 1e-4)},
)


class Small(nn.Module):
    """One layer, whose answers are made large again."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)
        self.layer.weight.data *= 1e-5
        self.layer.bias.data.zero_()

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x) * 1e5


class Again(nn.Module):
    """Calls one layer by two names, and its tensors a third time by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.other = self.layer

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.other(torch.relu(self.layer(x))))
        return nn.functional.linear(y, self.layer.weight, self.layer.bias)


class Placed(nn.Module):
    """Adds what a layer makes of constants, as of positions, to what another makes of frames."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.place = nn.Linear(4, 3), nn.Linear(2, 3)
        self.register_buffer("table", torch.randn(6, 2))

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.layer(x) + self.place(self.table[: x.shape[1]])
        return answer


def quantized(network: nn.Module, given: Mapping[str, Tensor], plan: Plan) -> ExportedProgram:
    captured = torch.export.export(network.eval(), (), dict(given), strict=False)
    return pt2e.quantized(captured, given, plan, network)


def test_small_weights_and_answers_keep_their_levels() -> None:
    torch.manual_seed(0)
    network, given = Small(), {"x": torch.randn(1, 5, 4).clamp(-3, 3)}
    expected = network(**given)
    got = quantized(network, given, STATIC).module()(**given)
    step = (
        6 / 255 + 2e-4 * 1e5 / 255
    )  # of the input, whose weights are of 1 or less, and the answer
    assert expected.abs().max() > 0.5
    assert (got - expected).abs().max() < step


def test_calls_of_one_layer_have_biases_of_their_own() -> None:
    network, given = Again(), {"x": torch.randn(1, 5, 4)}
    ends = {"layer": (-3.0, 3.0)}
    plan = Plan(schemes.scheme("int8-static"), frozenset({"layer"}), ends, ends, {"layer": (0, 3)})
    graph = quantized(network, given, plan).graph
    layers = [node for node in graph.nodes if node.target is torch.ops.aten.linear.default]
    inner = [node for node in layers if "dequantize" in str(node.args[1])]
    assert (len(layers), len(inner)) == (3, 2)  # the one by hand has no ranges
    # XNNPACK keeps one tensor in one scale, and that of a bias is its input's times its weights'.
    assert len({node.args[2] for node in layers}) == 3


def test_a_layer_of_constants_stays_in_float(caplog: pytest.LogCaptureFixture) -> None:
    torch.manual_seed(0)
    network, given = Placed(), {"x": torch.randn(1, 5, 4)}
    plan = Plan(schemes.scheme("int8-dynamic"), frozenset({"layer", "place"}))
    with caplog.at_level(logging.WARNING, "edgectc"):
        made = quantized(network, given, plan)
    scaled = [node for node in made.graph.nodes if "choose_qparams" in str(node.target)]
    assert len(scaled) == 1  # of the frames; ExecuTorch has no kernel for one of constants
    assert "place sees constants alone" in caplog.text
    assert (made.module()(**given) - network(**given)).abs().max() < 0.05


@pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning")
@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Conv1d(2, 3, 3, padding="same", dilation=2), (1, 2, 9)),
        (nn.Conv1d(2, 3, 4, padding="same"), (1, 2, 9)),
        (nn.Conv1d(2, 3, 3, stride=2, padding="valid"), (1, 2, 9)),
        (nn.Conv2d(2, 3, (3, 4), padding="same"), (1, 2, 7, 9)),
    ],
)
def test_words_of_padding_become_numbers(layer: nn.Module, shape: tuple[int, ...]) -> None:
    network, x = nn.Sequential(layer), torch.randn(shape)
    written = pte_repairs.with_numbers_of_padding(network)
    assert written is not network
    assert isinstance(layer.padding, str)  # the user's own is left as it was
    torch.testing.assert_close(written(x), network(x))
    graph = torch.export.export(written, (x,), strict=False).graph
    targets = {node.target for node in graph.nodes}
    aten = torch.ops.aten
    assert targets & {aten.conv1d.default, aten.conv2d.default}
    assert not targets & {aten.conv1d.padding, aten.conv2d.padding}


def test_padding_in_numbers_is_left_alone() -> None:
    network = nn.Sequential(
        nn.Conv1d(2, 3, 3, padding=1), nn.Conv1d(3, 3, 3, padding="same", padding_mode="reflect")
    )
    assert pte_repairs.with_numbers_of_padding(network) is network


@pytest.mark.parametrize("shape", [(3, 5), (3, 5, 7), (2, 5, 7, 4)])
@pytest.mark.parametrize("count", [1, 5])
def test_a_prelu_is_written_out(shape: tuple[int, ...], count: int) -> None:
    layer, x = nn.PReLU(count), torch.randn(shape)
    layer.weight.data = torch.linspace(-1, 2, count)
    network = nn.Sequential(layer)
    written = pte_repairs.with_plain_layers(network)
    assert written[0] is not layer
    torch.testing.assert_close(written(x), network(x), rtol=0, atol=0)
