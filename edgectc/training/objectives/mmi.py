"""N-best discriminative training (MMI): the label is to be the best word, not only a likely one.

CTC raises the probability of the label and nothing else. What a user sees is which *word* comes
first after a search, so this term asks for just that, by the maximum mutual information (MMI) of
words and signals over the few words which that search finds::

    loss = -log( exp(score(label)) / sum over the label and its competitors w of exp(score(w)) )
    score(w) = log P(w) + log_prior(w)

with the very P and log_prior that `edgectc.decoding.decoders.lexicon` ranks by.

Source: Bahl et al. 1986, "Maximum mutual information estimation of hidden Markov model
parameters"; over lists of the best, Chow 1990; Povey 2003, "Discriminative training for large
vocabulary speech recognition".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from edgectc.core.errors import ConfigError
from edgectc.training.task import Competitor, Competitors

if TYPE_CHECKING:
    from edgectc.training.objectives.forward import Forward


def term(competitors: Competitors | None) -> Callable[[Forward], Tensor]:
    """Return the value of a pass; of several views of a sample the first one is searched.

    Raises:
        ConfigError: there are none to find.
    """
    if competitors is None:
        raise ConfigError(
            "loss.mmi sets known words against each other; this run has none: train swipes with "
            "lexicon=FILE and decoder.type = 'lexicon', or leave loss.mmi out",
            options=["lexicon"],
        )

    def value(forward: Forward) -> Tensor:
        n = len(forward.log_probs) // forward.views
        log_probs, frames = forward.log_probs[:n], forward.frames[:n]
        host = log_probs.detach().double().cpu().numpy()
        lists = [
            competitors(layout_id, tuple(label), host[i, :length])
            for i, (layout_id, label, length) in enumerate(
                zip(forward.layout_ids, forward.labels[:n], frames.tolist(), strict=True)
            )
        ]
        scale, penalty = competitors.acoustic_scale, competitors.blank_penalty
        return mmi_loss(log_probs, frames, lists, forward.blank_id, scale, penalty)

    return value


def mmi_loss(
    log_probs: Tensor,
    frames: Tensor,
    lists: Sequence[Sequence[Competitor]],
    blank_id: int,
    acoustic_scale: float = 1.0,
    blank_penalty: float = 0.0,
) -> Tensor:
    """Return the mean over samples of -log of the label's share among its competitors, in nats.

    Args:
        log_probs: (N, T', V) float32, natural log.
        frames: (N,) int64 valid output frames.
        lists: for each sample the label and its competitors; fewer than two count as nothing.
        blank_id: column of the blank.
        acoustic_scale: factor on log_probs before they are normalised again.
        blank_penalty: nats then taken from the blank.
    """
    lists = [found if len(found) > 1 else () for found in lists]
    sizes = [len(found) for found in lists]
    every = [word for words in lists for word in words]
    if not every:
        return log_probs.sum() * 0.0
    device = log_probs.device
    owner = torch.repeat_interleave(torch.tensor(sizes)).to(device)
    penalty = log_probs.new_zeros(log_probs.shape[2])
    penalty[blank_id] = blank_penalty
    scaled = torch.log_softmax(acoustic_scale * log_probs - penalty, dim=2)
    likely = -F.ctc_loss(
        scaled[owner].transpose(0, 1),
        torch.tensor([token for word in every for token in word.tokens], device=device),
        frames[owner],
        torch.tensor([len(word.tokens) for word in every], device=device),
        blank=blank_id,
        reduction="none",
    )
    scores = likely + likely.new_tensor([word.log_prior for word in every])
    # One row a sample, its label first.
    table = scores.new_full((len(lists), max(sizes)), -torch.inf)
    place = torch.cat([torch.arange(size) for size in sizes]).to(device)
    table = table.index_put((owner, place), scores)
    contested = torch.tensor([size > 0 for size in sizes], device=device)
    shares = torch.log_softmax(table[contested], dim=1)[:, 0]
    return -shares.sum() / len(lists)
