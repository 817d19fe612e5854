"""A head with one learned row a column, for output alphabets that never change."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

_MASKED = 1e4  # below float16's 65504


class LinearHead(nn.Module):
    """Scores each frame against ``outputs`` tokens."""

    def __init__(self, in_features: int, outputs: int) -> None:
        super().__init__()
        self.scores = nn.Linear(in_features, outputs)

    def forward(self, x: Tensor, used: Tensor | None = None) -> Tensor:
        """Return scores (N, T', V); unused columns read about -1e4.

        Args:
            x: (N, C, T') encoder output.
            used: (N, V - 1) float32, 1 = used, for all columns but the last, which is the blank;
                None uses all.
        """
        scores = self.scores(x.transpose(1, 2))
        if used is None:
            return scores
        used = F.pad(used, (0, 1), value=1.0).reshape(x.shape[0], 1, scores.shape[2])
        return scores * used + (used - 1.0) * _MASKED
