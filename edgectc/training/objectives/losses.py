"""What is minimised: CTC, and terms beside it.

The loss of a batch begins as CTC, and each term takes its share of what there is so far::

    loss = (1 - share) * loss + share * term(forward)

To add a term: write a function of a `Forward` that returns a scalar tensor in nats (a mean over
samples of a mean over valid frames, so that batch size and padding do not change its scale); give
its share a field in `edgectc.training.settings.Loss`, zero by default; and name both in `terms`.
A term that needs a second look at the batch (a consistency between two augmented passes) finds the
inputs in ``Forward.inputs`` and asks the network again by ``Forward.model``. One that needs
intermediate activations keeps a forward hook on a module of ``model`` of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from edgectc.core.errors import ConfigError
from edgectc.training.objectives import mmi
from edgectc.training.objectives.forward import Forward
from edgectc.training.settings import Distillation, Loss, Settings
from edgectc.training.task import Competitors

Network = Callable[..., Tensor]

# Columns below this cannot be used by a sample: a layout has fewer keys than the model has slots.
_UNUSED = -1e3


@dataclass(frozen=True)
class Term:
    """A part of the loss.

    Attributes:
        share: of the loss, 0..1, in an epoch.
        value: of a pass, in nats.
    """

    share: Callable[[int], float]
    value: Callable[[Forward], Tensor]


def terms(
    settings: Settings, teacher: Network | None, competitors: Competitors | None
) -> tuple[Term, ...]:
    """Return what is minimised beside CTC.

    Args:
        settings: of the run.
        teacher: network to learn from; None for none.
        competitors: of the task.

    Raises:
        ConfigError: ``loss.mmi`` without competitors.
    """
    parts = []
    if share := settings.loss.smoothing:
        parts.append(Term(lambda epoch: share, lambda one: smoothing(one.log_probs, one.frames)))
    if weight := settings.loss.agreement:
        parts.append(Term(lambda epoch: weight, _agreement))
    if settings.loss.mmi:
        parts.append(Term(partial(_later, settings.loss), mmi.term(competitors)))
    if (how := settings.distillation) is not None and teacher is not None:
        first_phase = partial(_first_phase, how)
        parts.append(Term(first_phase, partial(_apart, teacher, how.temperature)))
    return tuple(parts)


def total(forward: Forward, parts: Sequence[Term]) -> Tensor:
    """Return the loss of a pass, in nats."""
    loss = ctc(forward.log_probs, forward.frames, forward.labels, forward.blank_id)
    for part in parts:
        if share := part.share(forward.epoch):
            loss = (1.0 - share) * loss + share * part.value(forward)
    return loss


def ctc(
    log_probs: Tensor,
    frames: Tensor,
    labels: Sequence[Sequence[int]],
    blank_id: int,
    reduction: str = "mean",
) -> Tensor:
    """Return the CTC loss in nats.

    Args:
        log_probs: (N, T', V) float32, natural log.
        frames: (N,) int64 valid output frames.
        labels: token ids of each sample.
        blank_id: column of the blank.
        reduction: "mean" over samples of -log P(label) / tokens of the label, or "none" for (N,)
            values of -log P(label).

    Source: Graves et al. 2006, "Connectionist Temporal Classification".
    """
    targets = torch.tensor([t for label in labels for t in label], device=log_probs.device)
    lengths = torch.tensor([len(label) for label in labels], device=log_probs.device)
    return F.ctc_loss(
        log_probs.transpose(0, 1),
        targets.long(),
        frames,
        lengths,
        blank=blank_id,
        reduction=reduction,
    )


def smoothing(log_probs: Tensor, frames: Tensor) -> Tensor:
    """Return the mean over valid frames of the cross-entropy of a uniform distribution.

    It is uniform over the columns that a sample can use; the mean is taken within a sample first.

    Source: Szegedy et al. 2016, "Rethinking the Inception Architecture", section 7; Kim et al.
    2018, "Improved training for CTC with label smoothing".
    """
    used = log_probs > _UNUSED
    each = -(log_probs * used).sum(2) / used.sum(2)
    return mean_over_frames(each, frames)


def distillation(
    log_probs: Tensor, teacher: Tensor, frames: Tensor, *, blank_id: int, temperature: float
) -> Tensor:
    """Return T^2 KL(teacher || student) per frame over the columns that are not the blank.

    The blank is left out because both sides spend most frames on it: it would drown the rest.

    Args:
        log_probs: (N, T', V) student.
        teacher: (N, T', V) log_probs of the teacher.
        frames: (N,) valid output frames.
        blank_id: column of the blank.
        temperature: divides both before they are normalised.

    Source: Hinton et al. 2015, "Distilling the Knowledge in a Neural Network"; Min et al. 2021,
    "Visual Alignment Constraint" (the blank left out).
    """
    rest = [column for column in range(log_probs.shape[2]) if column != blank_id]
    student = torch.log_softmax(log_probs[:, :, rest] / temperature, dim=2)
    wanted = torch.log_softmax(teacher[:, :, rest] / temperature, dim=2)
    each = (wanted.exp() * (wanted - student)).sum(2) * temperature**2
    return mean_over_frames(each, frames)


def agreement(log_probs: Tensor, frames: Tensor, labels: Sequence[Sequence[int]]) -> Tensor:
    """Return how far two views of each sample are apart, per token as the CTC loss is.

    Half the Kullback-Leibler divergences to both sides, summed over valid frames; each side
    learns from the other as it stands.

    Args:
        log_probs: (2 N, T', V), one view of every sample, then the other.
        frames: (2 N,) valid output frames.
        labels: token ids of the N samples, or of all 2 N.

    Source: Yao et al. 2024, "CR-CTC: Consistency Regularization on CTC".
    """
    a, b = log_probs.chunk(2)
    there = (b.detach().exp() * (b.detach() - a)).sum(2)
    back = (a.detach().exp() * (a.detach() - b)).sum(2)
    valid = torch.arange(a.shape[1], device=a.device) < frames[: len(a), None]
    apart = torch.where(valid, there + back, torch.zeros_like(there)).sum(1)
    lengths = [max(1, len(label)) for label in labels[: len(a)]]
    return 0.5 * (apart / torch.tensor(lengths, device=a.device)).mean()


def mean_over_frames(each: Tensor, frames: Tensor) -> Tensor:
    """Return the mean over samples of the mean of (N, T') over valid frames, without padding."""
    valid = torch.arange(each.shape[1], device=each.device) < frames[:, None]
    summed = torch.where(valid, each, torch.zeros_like(each)).sum(1)
    return (summed / frames.clamp(min=1)).mean()


def _agreement(forward: Forward) -> Tensor:
    if forward.views != 2:
        raise ConfigError("loss.agreement compares two views of a sample; set augment.views = 2")
    return agreement(forward.log_probs, forward.frames, forward.labels)


def _later(how: Loss, epoch: int) -> float:
    return how.mmi if epoch >= how.mmi_from else 0.0


def _first_phase(how: Distillation, epoch: int) -> float:
    return how.weight if epoch < how.epochs else 0.0


def _apart(teacher: Network, temperature: float, forward: Forward) -> Tensor:
    with torch.no_grad():
        wanted = teacher(**forward.inputs).float()
    return distillation(
        forward.log_probs,
        wanted,
        forward.frames,
        blank_id=forward.blank_id,
        temperature=temperature,
    )
