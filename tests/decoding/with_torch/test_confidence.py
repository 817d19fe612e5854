"""The confidence of a word against the likelihood that PyTorch's CTC loss gives."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from edgectc.decoding.search.spans import word_spans


@pytest.mark.parametrize("seed", range(40))
def test_confidence_is_the_likelihood_of_pytorch(seed: int) -> None:
    rng = np.random.default_rng([20, seed])
    logits = rng.normal(0.0, 3.0, (30, 6))
    log_probs = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    ids = rng.integers(1, 6, 7).tolist()
    (found,) = word_spans(log_probs, [("word", ids)], blank=0)
    loss = torch.nn.functional.ctc_loss(
        torch.tensor(log_probs)[:, None], torch.tensor([ids]), [30], [7], reduction="sum"
    )
    assert found.confidence == pytest.approx(math.exp(-float(loss)), rel=1e-9)
