"""A trained network of ours as one step of a stream."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgectc.core.errors import ConfigError
from edgectc.core.stepping import StreamingEncoder, StreamingFeatures
from edgectc.core.tokens import output_length
from edgectc.networks.model import CtcModel


class ChunkedModel(nn.Module):
    """One chunk: (signal, length, ..., *states) to (log_probs, *states), batch of one.

    Attributes:
        frontend, stride, window: of the whole network.
        look_ahead: frames after the chunk that a step is given too.
        states: name to value before the first chunk.
        outputs: names of the states that come out, in the same order.

    Raises:
        ConfigError: the network sees a recording whole.
    """

    def __init__(self, model: CtcModel, chunk: int) -> None:
        super().__init__()
        features, encoder = model.features, model.encoder
        for part, kind in ((features, StreamingFeatures), (encoder, StreamingEncoder)):
            if not isinstance(part, kind):
                raise ConfigError(
                    f"{type(part).__name__} sees a recording whole, so the model cannot stream; an "
                    "encoder gru with bidirectional=false on features neural can, and so can a "
                    "network of your own (docs/streaming.md)",
                    options=["chunk"],
                )
        assert isinstance(features, StreamingFeatures)
        assert isinstance(encoder, StreamingEncoder)
        self.model, self.chunk = model, chunk
        self.features, self.encoder = features, encoder
        self.frontend, self.stride, self.window = model.frontend, model.stride, model.window
        self.look_ahead = features.look_ahead + encoder.look_ahead
        first, second = features.initial(), encoder.initial()
        self.count = len(first)
        parts = [*((f"state_features_{i}", v) for i, v in enumerate(first))]
        parts += [(f"state_encoder_{i}", v) for i, v in enumerate(second)]
        self.states = dict(parts)
        self.outputs = [f"next_{name}" for name in self.states]

    def output_length(self, length: int) -> int:
        """Return the valid output frames of ``length`` valid input frames."""
        return output_length(length, self.stride, self.window)

    def forward(self, *inputs: Tensor, **named: Tensor) -> tuple[Tensor, ...]:
        """Return log_probs (1, chunk // stride, V), and the states after the chunk."""
        values = (*inputs, *named.values())
        count = len(values) - len(self.states)
        states = values[count:]
        x, keep, context, before = self.features.step(
            self.chunk, values[:count], states[: self.count]
        )
        out, after = self.encoder.step(x, keep, states[self.count :])
        scores = self.model.head(out, *context)[:, : self.chunk // self.stride]
        return (torch.log_softmax(scores, dim=-1), *before, *after)
