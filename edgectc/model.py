"""The network that is trained and exported: features, encoder, head and log_softmax in one graph.

A model spec is plain JSON::

    {"frontend": {"type": "swipe", ...}, "features": {"type": "swipe", ...},
     "encoder": {"type": "tcn", ...}}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from torch import Tensor, nn

from edgectc import registry
from edgectc.bundle import Bundle
from edgectc.errors import BundleMismatchError, ConfigError, NonFiniteError

PARTS = (("frontend", "frontends"), ("features", "features"), ("encoder", "encoders"))


class CtcModel(nn.Module):
    """Maps the inputs of a frontend's contract to log_probs (N, T', V), natural log.

    Valid output frames of a sample are ceil(length / stride); frames after them are arbitrary.
    """

    def __init__(self, spec: Mapping[str, Any]) -> None:
        super().__init__()
        names = [name for name, _ in PARTS]
        if {*spec} != {*names}:
            raise ConfigError(f"a model has the parts {names}, got {sorted(spec)}")
        self.frontend = registry.create("frontends", spec["frontend"])
        features = registry.module("features", spec["features"]["type"])
        self.features = registry.create(
            "features", spec["features"], max_frames=self.frontend.options.max_frames
        )
        self.encoder = registry.create(
            "encoders", spec["encoder"], in_features=self.features.out_features
        )
        self.head = features.KeyHead(self.features.options, self.encoder.out_features)

    @property
    def stride(self) -> int:
        """Input frames per output frame."""
        return int(self.encoder.stride)

    def forward(
        self, trace: Tensor, length: Tensor, keys: Tensor, key_mask: Tensor, key_size: Tensor
    ) -> Tensor:
        """Return log_probs (N, T', K + 1); shapes and units as in the frontend's contract."""
        x, keep, codes = self.features(trace, length, keys, key_mask, key_size)
        scores = self.head(self.encoder(x, keep), codes, key_mask)
        return torch.log_softmax(scores, dim=-1)

    def fold(self) -> CtcModel:
        """Merge what only training needs into its neighbours, in place; return self."""
        for module in self.modules():
            if module is not self and callable(fold := getattr(module, "fold", None)):
                fold()
        return self

    def check_finite(self) -> None:
        """Raise `NonFiniteError` naming every parameter or buffer that holds NaN or Inf."""
        bad = []
        for name, tensor in self.state_dict().items():
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
