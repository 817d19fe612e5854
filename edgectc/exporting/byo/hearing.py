"""What a network hears: experiments that tell how it wants to be told a length, and if it listens.

A name says which argument tells the length; what it means is tried. The right meaning is the one
under which a padded recording is answered as it is alone, whatever the padding holds, and under
which the valid frames still change the answer: a mask the wrong way round fails both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgectc.core.errors import ConfigError, InputError
from edgectc.core.toolchain_errors import explained
from edgectc.core.types import Check
from edgectc.exporting.byo.adapter import MASKS, SHARE, VALID, Calling
from edgectc.exporting.byo.original import Original
from edgectc.formats import reference

ALIKE = 1e-3  # nats between two runs of one network at other shapes, float32
UNHEARD = 1e-6  # nats: what rounding alone may change
_CLEARLY = 3.0  # times nearer, where no meaning is right to the last frame


@dataclass(frozen=True)
class Evidence:
    """What one way of calling did, in nats; infinite where it gave NaN or no answer.

    Attributes:
        calling: the way.
        alone: mean difference between a recording padded and alone; the greatest of several.
        worst: largest such difference.
        leak: largest change of valid frames by what lies after them.
        heard: change of the answer when the valid frames change; the least of several.
        bare: largest difference from the answer without the argument; 0 where that is needed.
        more: difference if a recording alone is told twice its length, which a length that only
            cuts leaves at 0; 0 for a mask.
    """

    calling: Calling
    alone: float
    worst: float
    leak: float
    heard: float
    bare: float
    more: float = 0.0

    @property
    def right(self) -> bool:
        """Return whether everything is as it has to be."""
        return max(self.worst, self.leak, self.bare) <= ALIKE and self.heard > UNHEARD

    @property
    def possible(self) -> bool:
        """Return whether the network answers to what it is asked at all."""
        return self.heard > UNHEARD and self.bare <= ALIKE

    def __str__(self) -> str:
        return (
            f"{self.calling}: padded against alone {self.worst:.2g} nats, padding changes "
            f"{self.leak:.2g}, valid frames change {self.heard:.2g}"
        )


def first_that_runs(
    network: nn.Module, ways: Sequence[Calling], full: Tensor
) -> tuple[list[Calling], str]:
    """Return the ways of calling that a network takes, and what it raised for the first other.

    Args:
        network: in evaluation mode.
        ways: the likeliest first.
        full: (1, T, C) float32.

    Raises:
        ConfigError: it takes none; says what it was called with and what it raised.
    """
    runs, raised, answered = [], "", False
    for way in ways:
        try:
            Original(network, way, full).ask(full, torch.tensor([full.shape[1]]))
            runs.append(way)
        except ConfigError:
            raise
        except Exception as error:  # whatever a network raises
            answered = answered or isinstance(error, InputError)  # it took what it was given
            told = way if way.second else "nothing else"
            raised = raised or f"{told}: {type(error).__name__}: {explained(error)}"
    if runs:
        return runs, raised
    shape = tuple(full.shape[:2] if ways[0].wave else full.shape)
    kinds = {str(p.dtype).removeprefix("torch.") for p in network.parameters()} - {"float32"}
    hint = ""
    if kinds:
        hint = f"; its weights are {', '.join(kinds)}: export network.float(), or say "
        hint += "to_float32=True (--to-float32)"
    elif any(way.meaning in MASKS for way in ways):
        hint = "; a mask is given as (N, T): if it takes one of another shape, as (N, 1, T), wrap "
        hint += "it in a module whose forward(self, features, mask) shapes it, mask[:, None]"
    elif not answered and not any(way.second for way in ways):
        hint = "; if it takes them otherwise, as (N, C, T) or in one list, wrap it in a module "
        hint += "whose forward(self, features, lengths) returns network(features.transpose(1, 2)), "
        hint += "or network([features, lengths])"
    raise ConfigError(
        f"{type(network).__name__} called with float32 features {shape} and {raised}{hint}"
    )


def gathered(network: nn.Module, way: Calling, full: Tensor, *, optional: bool) -> Evidence:
    """Return what one way of calling does.

    Args:
        network: in evaluation mode.
        way: that it takes.
        full: (1, T, C) float32 of a whole recording.
        optional: whether the network also answers without the argument.
    """
    asked, T = Original(network, way, full), full.shape[1]
    junk, other = torch.from_numpy(reference.junk(*full.shape[1:]))[None], changed(full)
    place = torch.arange(T)[None, :, None]
    alone = worst = leak = bare = 0.0
    heard = []
    for length in sorted({max(1, T // 2), max(1, 3 * T // 4)}):
        keep = place < length
        # All frames, and the later half by itself: a meaning that hides most of them hears little.
        others = [other, torch.where(place < length // 2, full, other)]
        padded = asked.padded(torch.where(keep, full, 0.0), length)
        filled = asked.padded(torch.where(keep, full, junk), length)
        short = asked.alone(full, length)
        if padded is not None:
            rows = [asked.padded(torch.where(keep, one, 0.0), length) for one in others]
            heard += [_apart(padded, row)[0] for row in rows]
            frames = None if short is None else len(short)
            leak = max(leak, _apart(padded, filled, frames)[0])
        if short is None:
            continue
        heard += [_apart(short, asked.alone(one, length))[0] for one in others]
        top, mean = _apart(padded, short)
        worst, alone = max(worst, top), max(alone, mean)
        if optional:
            bare = max(bare, _apart(short, asked.bare(full, length))[0])
    more = 0.0
    if way.meaning not in MASKS:
        more = _apart(asked.told(full, T), asked.told(full, 2 * T))[0]
    return Evidence(way, alone, worst, leak, min(heard, default=0.0), bare, more)


def _apart(
    one: Tensor | None, other: Tensor | None, most: int | None = None
) -> tuple[float, float]:
    """Return largest and mean difference of what both answer; infinite if that is not finite."""
    if one is None or other is None:
        return 0.0, 0.0
    frames = min(len(one), len(other), len(one) if most is None else most)
    difference = (one[:frames] - other[:frames]).abs()
    if not difference.numel() or not difference.isfinite().all():
        return float("inf"), float("inf")
    return float(difference.max()), float(difference.mean())


def changed(row: Tensor) -> Tensor:
    """Return (1, T, C) other frames of the same kind: backwards, and no frame as it was."""
    return (
        0.7 * row.flip(1) + 0.3 * row.std() * torch.sin(torch.arange(row.shape[1]) * 1.7)[:, None]
    )


def chosen(
    network: nn.Module, ways: Sequence[Calling], full: Tensor, *, optional: bool
) -> tuple[Calling, Check]:
    """Return the way to call a network, and what was found out.

    Args:
        network: in evaluation mode.
        ways: that it takes, the likeliest first.
        full: (1, T, C) float32 of a whole recording.
        optional: whether it answers without the argument.

    Raises:
        ConfigError: no way is right and none is clearly nearer than the others.
    """
    if not ways[0].second:
        return ways[0], Check("length", "pass", "the network is not told the length")
    tried = list[Evidence]()
    for way in ways:
        # Once one is right, one of another meaning tells whether the network listens at all.
        if any(e.right and e.calling.meaning == way.meaning for e in tried):
            continue
        tried.append(gathered(network, way, full, optional=optional))
        if len({e.calling.meaning for e in tried}) > 1 and any(e.right for e in tried):
            break
    best = _best(tried)
    what = "mask" if best.calling.meaning in MASKS else "length"
    others = [e for e in tried if e.calling.meaning != best.calling.meaning]
    text = str(best)
    if best.right and any(e.right for e in others):
        text += "; any other meaning does the same: the network does not listen to it"
    elif others:
        text += f"; otherwise, {min(others, key=lambda e: e.worst + e.leak)}"
    return best.calling, Check(what, "pass", text)


def _best(tried: Sequence[Evidence]) -> Evidence:
    right = [e for e in tried if e.right]
    if right:
        return right[0]
    possible = [e for e in tried if e.possible] or [e for e in tried if e.heard > UNHEARD]
    if not possible:
        raise ConfigError(_deaf(tried))
    first = possible[0]
    nearer = min(possible, key=lambda e: e.alone + e.leak)
    clearly = _CLEARLY * (nearer.alone + nearer.leak) < first.alone + first.leak
    # A wrong share or mask may hide the padding, and then leaks nothing.
    if clearly and _CLEARLY * nearer.alone < first.alone:
        if nearer.calling.meaning != SHARE or nearer.more <= ALIKE:
            return nearer
        if first.more > ALIKE:
            raise ConfigError(
                f"what {first.calling.second!r} tells cannot be found out: "
                f"{'; '.join(str(e) for e in _one_each(possible))}; wrap the network in a module "
                "whose forward(self, x, lengths) gives it what it wants of lengths in frames, such "
                "as lengths / x.shape[1]"
            )
    meanings = {e.calling.meaning for e in possible}
    if first.calling.meaning == VALID and len(meanings) > 1 and first.leak > ALIKE:
        raise ConfigError(
            f"what 1 means in {first.calling.second!r} cannot be found out: "
            f"{'; '.join(str(e) for e in _one_each(possible))}; say mask='valid', "
            "mask='padding' or mask='added' (--mask valid, --mask padding, --mask added)"
        )
    return first


def _one_each(tried: Sequence[Evidence]) -> list[Evidence]:
    return list({e.calling.meaning: e for e in reversed(tried)}.values())[::-1]


def _deaf(tried: Sequence[Evidence]) -> str:
    return (
        "the network does not listen: other valid frames change no answer, or it answers NaN, "
        f"however it is called ({'; '.join(str(e) for e in _one_each(tried))}); look at how it "
        "uses its first two arguments: nothing of a recording reaches the answer"
    )
