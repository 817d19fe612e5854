"""The network that is trained and exported: features, encoder, head and log_softmax in one graph.

A model spec is plain JSON::

    {"frontend": {"type": "swipe", ...}, "features": {"type": "swipe", ...},
     "encoder": {"type": "tcn", ...}}

What the parts owe each other is stated in `edgectc.core.contracts`: `Frontend` (numpy, before the
graph), `Features`, `Encoder`. The head is what the features make for the encoder's output.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from torch import Tensor, nn

from edgectc.core import registry
from edgectc.core.contracts import Encoder, Features, Foldable
from edgectc.core.errors import (
    BundleError,
    BundleMismatchError,
    ConfigError,
    EdgectcError,
    NonFiniteError,
    UnknownNameError,
)
from edgectc.core.tokens import output_length
from edgectc.formats.bundle import Bundle

_WEIGHTS = "weights.safetensors"
_MARGIN = 1 << 20  # bytes by which a small network may exceed its file


@contextmanager
def _refused(part: str, spec: Mapping[str, Any]) -> Iterator[None]:
    """Let PyTorch's own refusal of a size name the part whose options ask for it."""
    try:
        with warnings.catch_warnings():
            # A tensor of no values is refused below, with its name.
            warnings.filterwarnings("ignore", "Initializing zero-element tensors")
            yield
    except EdgectcError:
        raise
    except (ValueError, RuntimeError, ArithmeticError) as error:
        raise ConfigError(
            f"model.{part}: no {spec[part]['type']!r} can be made with these options: {error}"
        ) from error


class CtcModel(nn.Module):
    """Maps the inputs of a frontend's contract to log_probs (N, T', V), natural log.

    Valid output frames of a sample are ``output_length(length, stride, window)``; frames after them
    are arbitrary but finite.

    Raises:
        ConfigError: the spec lacks a part, or no network can be made with its options.
    """

    def __init__(self, spec: Mapping[str, Any]) -> None:
        super().__init__()
        registry.check_model(spec)
        with _refused("frontend", spec):
            self.frontend = registry.create("frontends", spec["frontend"])
        with _refused("features", spec):
            self.features: Features = registry.create(
                "features", spec["features"], frontend=self.frontend
            )
        with _refused("encoder", spec):
            self.encoder: Encoder = registry.create(
                "encoders",
                spec["encoder"],
                in_features=self.features.out_features,
                max_frames=self.frontend.max_frames,
            )
        with _refused("features", spec):
            self.head = self.features.make_head(self.encoder.out_features)
        for name, tensor in self.named_parameters():
            if not tensor.numel():
                raise ConfigError(f"model: {name} would have shape {tuple(tensor.shape)}")

    @property
    def stride(self) -> int:
        """Input frames per output frame."""
        return self.encoder.stride

    @property
    def window(self) -> int:
        """Input frames that the first output frame needs."""
        return self.encoder.window

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
            if module is not self and isinstance(module, Foldable):
                module.fold()
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


def check_size(bundle: Bundle) -> None:
    """Refuse a bundle whose network would be far larger than its weights, before it takes memory.

    Raises:
        BundleError: no network can be made of the model spec.
        BundleMismatchError: its parameters are more than the file of weights can hold.
    """
    try:
        with torch.device("meta"):  # shapes, and no values
            outline = CtcModel(bundle.index.model)
    except (ConfigError, UnknownNameError) as error:
        raise BundleError(f"{bundle.path / 'bundle.json'}: {error}") from error
    needed = sum(tensor.nbytes for tensor in outline.state_dict().values())
    held = len(bundle.file(_WEIGHTS))
    if needed > 2 * held + _MARGIN:  # weights of float16 take half
        raise BundleMismatchError(
            f"{bundle.path}: the model of bundle.json has {needed:,} bytes of weights, and "
            f"{_WEIGHTS} holds {held:,}; pack the run again"
        )


def with_weights(bundle: Bundle) -> CtcModel:
    """Return the trained network of a bundle, as training left it.

    Raises:
        BundleError: no network can be made of the model spec.
        BundleMismatchError: the weights do not fit the model spec.
    """
    check_size(bundle)
    with torch.random.fork_rng(devices=[]):  # the draw is overwritten, and the caller's none
        model = CtcModel(bundle.index.model)
    try:
        model.load_state_dict(load_tensors(bundle.file(_WEIGHTS)))
    except (RuntimeError, SafetensorError) as error:
        raise BundleMismatchError(
            f"{bundle.path}: {_WEIGHTS} does not fit the model: {error}"
        ) from error
    return model


def load(bundle: Bundle) -> CtcModel:
    """Return the trained model of a bundle, folded, in evaluation mode.

    Raises:
        BundleError: no network can be made of the model spec.
        BundleMismatchError: the weights do not fit the model spec, or the network has another
            length map, blank or number of tokens than the bundle says.
        NonFiniteError: a weight is NaN or Inf.
    """
    model = with_weights(bundle)
    model.check_finite()
    tokens = model.frontend.tokens(next(iter(bundle.layouts), None))
    facts = {"stride": model.stride, "window": model.window, "blank_id": tokens.blank_id}
    bundle.check("its network", {**facts, "tokens": len(tokens)})
    return model.fold().eval()
