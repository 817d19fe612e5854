"""The user's own network as the user runs it: the oracle of every proof.

Nothing of the adapter is in its way: no size is frozen, no shortcut of torch is off, and its scores
become log_probs by a log_softmax in float64, which leaves log_probs as they are.
"""

from __future__ import annotations

import warnings

import torch
from torch import Tensor, nn

from edgectc.exporting.byo.adapter import AXES, Calling, second_argument, tensors


class Original:
    """Answers for a network that was made elsewhere, a copy in evaluation mode.

    Attributes:
        network: the copy; nothing changes it.
        calling: how its arguments are given.
        full: (1, T, C) float32 frames without an end, a recording of the greatest length.
    """

    def __init__(self, network: nn.Module, calling: Calling, full: Tensor) -> None:
        self.network, self.calling, self.full = network, calling, full

    def alone(self, row: Tensor, length: int) -> Tensor | None:
        """Return log_probs (T', V) of a recording without padding; None where it takes none.

        Args:
            row: (1, T, C) float32, of which the first ``length`` frames count.
            length: in frames.
        """
        return self._asked(row[:, :length], torch.tensor([length]), 0)

    def padded(self, row: Tensor, length: int) -> Tensor | None:
        """Return log_probs (T', V) of a padded recording; None where the network takes none.

        A network that makes its mask as wide as the longest recording of a batch gets one of full
        length beside it, as it does in training.

        Args:
            row: (1, T, C) float32, padding included.
            length: valid frames.
        """
        found = self._asked(row, torch.tensor([length]), 0)
        if found is not None:
            return found
        beside = self.full[:, torch.arange(row.shape[1]) % self.full.shape[1]]
        return self._asked(torch.cat([beside, row]), torch.tensor([row.shape[1], length]), 1)

    def told(self, row: Tensor, length: int) -> Tensor | None:
        """Return log_probs (T', V) of all frames of a recording that is told some length."""
        return self._asked(row, torch.tensor([length]), 0)

    def bare(self, row: Tensor, length: int) -> Tensor | None:
        """Return log_probs (T', V) of a recording without padding, its length not told at all."""
        return self._asked(row[:, :length], None, 0)

    def _asked(self, features: Tensor, lengths: Tensor | None, row: int) -> Tensor | None:
        try:
            return self.ask(features, lengths)[row]
        except Exception:  # whatever a network raises where it does not take this
            return None

    def ask(self, features: Tensor, lengths: Tensor | None) -> Tensor:
        """Return log_probs (N, T', V) float32; whatever the network raises goes through.

        Args:
            features: (N, T, C) float32.
            lengths: (N,) integers; None leaves the argument out.
        """
        calling = self.calling
        x = features[..., 0] if calling.wave else features
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # torch's own, of its nested tensors
            if lengths is None or not calling.second:
                found = self.network(x)
            else:
                told = second_argument(calling, lengths, x.shape[1])
                named = {calling.second: told} if calling.by_name else {}
                found = self.network(x, **named) if named else self.network(x, told)
        scores = tensors(found)[0].permute(AXES[calling.axes])
        return scores.double().log_softmax(-1).float()
