"""The network that is trained and exported: features, encoder, head and log_softmax in one graph.

A model spec is plain JSON::

    {"frontend": {"type": "swipe", ...}, "features": {"type": "swipe", ...},
     "encoder": {"type": "tcn", ...}}

What the parts owe each other:

frontend
    numpy, before the graph. ``options.max_frames``; ``input_contract()``, the inputs in call order:
    the frames (1, T, C), ``length`` (1,), and what a recording was made with (a keyboard, a day).
    ``prepare(raw, setting)`` makes them all, ``frames(raw, setting)`` the first without padding,
    ``context(setting)`` those after ``length``; ``tokens(setting)`` names the output columns.
features
    ``create(options, *, frontend)``; called with the inputs, returns x (N, F, T), keep (N, 1, T)
    and a tuple for the head; ``out_features`` F; ``make_head(in_features)``.
encoder
    ``create(options, *, in_features, max_frames)``; called with x and keep, returns (N, C, T');
    ``out_features`` C; ``stride`` and ``window``, the map of `core.tokens.output_length`.
head
    called with the encoder's output and that tuple, returns scores (N, T', V).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from torch import Tensor, nn

from edgectc.core import registry
from edgectc.core.errors import BundleMismatchError, ConfigError, NonFiniteError
from edgectc.core.tokens import output_length
from edgectc.formats.bundle import Bundle

PARTS = (("frontend", "frontends"), ("features", "features"), ("encoder", "encoders"))


class CtcModel(nn.Module):
    """Maps the inputs of a frontend's contract to log_probs (N, T', V), natural log.

    Valid output frames of a sample are ``output_length(length, stride, window)``; frames after them
    are arbitrary but finite.
    """

    def __init__(self, spec: Mapping[str, Any]) -> None:
        super().__init__()
        names = [name for name, _ in PARTS]
        if {*spec} != {*names}:
            raise ConfigError(f"a model has the parts {names}, got {sorted(spec)}")
        self.frontend = registry.create("frontends", spec["frontend"])
        self.features = registry.create("features", spec["features"], frontend=self.frontend)
        self.encoder = registry.create(
            "encoders",
            spec["encoder"],
            in_features=self.features.out_features,
            max_frames=self.frontend.max_frames,
        )
        self.head = self.features.make_head(self.encoder.out_features)

    @property
    def stride(self) -> int:
        """Input frames per output frame."""
        return int(self.encoder.stride)

    @property
    def window(self) -> int:
        """Input frames that the first output frame needs."""
        return int(self.encoder.window)

    def output_length(self, length: int) -> int:
        """Return the valid output frames of ``length`` valid input frames."""
        return output_length(length, self.stride, self.window)

    def forward(self, *inputs: Tensor, **named: Tensor) -> Tensor:
        """Return log_probs (N, T', V); names, order, shapes and units as in the contract."""
        x, keep, context = self.features(*inputs, **named)
        return torch.log_softmax(self.head(self.encoder(x, keep), *context), dim=-1)

    def time_first(self, *inputs: Tensor, **named: Tensor) -> Tensor:
        """Return log_probs (T', N, V), as `torch.nn.CTCLoss` takes them."""
        return self(*inputs, **named).transpose(0, 1)

    def fold(self) -> CtcModel:
        """Merge what only training needs into its neighbours, in place; return self."""
        for module in self.modules():
            if module is not self and callable(fold := getattr(module, "fold", None)):
                fold()
        return self

    def check_finite(self) -> None:
        """Raise `NonFiniteError` naming every parameter or buffer that holds NaN or Inf."""
        check_finite(self)


def check_finite(network: nn.Module) -> None:
    """Raise `NonFiniteError` naming every parameter or buffer that holds NaN or Inf."""
    bad = []
    for name, tensor in network.state_dict().items():
        wrong = ~torch.isfinite(tensor)
        if wrong.any():
            first = tuple(int(i) for i in wrong.nonzero()[0])
            bad.append(f"{name} ({int(wrong.sum())} values, first at {first})")
    if bad:
        raise NonFiniteError(f"weights are not finite: {'; '.join(bad)}; retrain or restore")


def load(bundle: Bundle) -> CtcModel:
    """Return the trained model of a bundle, folded, in evaluation mode.

    Raises:
        BundleMismatchError: the weights do not fit the model spec.
        NonFiniteError: a weight is NaN or Inf.
    """
    model = CtcModel(bundle.index.model)
    try:
        model.load_state_dict(load_tensors(bundle.file("weights.safetensors")))
    except (RuntimeError, SafetensorError) as error:
        raise BundleMismatchError(
            f"{bundle.path}: weights.safetensors does not fit the model: {error}"
        ) from error
    model.check_finite()
    return model.fold().eval()
