"""Generated neural activity of attempted speech: for tests, samples and trials without a data set.

Each phoneme drives its own pattern over the channels; patterns fade into one another, channels
fire at random around them, and every day has its own gain and offset of each channel. A model that
cannot tell days apart cannot learn it well, and one that cannot hear in time cannot at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from edgectc.core.errors import ConfigError
from edgectc.core.types import Array, Recording

SILENCE = "SIL"
# ARPAbet without stress, and silence between words.
PHONEMES = tuple(
    "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W "
    f"Y Z ZH {SILENCE}".split()
)


@dataclass(frozen=True)
class Style:
    """How a brain speaks. Times in bins.

    Attributes:
        world: seed of the patterns and the days; samples of one world can be learnt from another's.
        bins: shortest and longest phoneme.
        word: fewest and most phonemes of a word.
        words: fewest and most words of a sentence.
        rate: spikes per bin and channel at rest.
        depth: standard deviation of the log rate that a phoneme gives a channel.
        gain: standard deviation of the log gain of a day.
        offset: standard deviation of the offset of a day, in standard deviations of a channel.
    """

    world: int = 0
    bins: tuple[int, int] = (8, 14)
    word: tuple[int, int] = (2, 4)
    words: tuple[int, int] = (1, 3)
    rate: float = 1.5
    depth: float = 0.8
    gain: float = 0.25
    offset: float = 0.4


def synthesize(
    count: int,
    *,
    seed: int,
    channels: int = 256,
    days: Sequence[str] = ("day-0", "day-1", "day-2"),
    phonemes: Sequence[str] = PHONEMES,
    max_frames: int = 1200,
    style: Style | None = None,
) -> Iterator[Recording]:
    """Yield ``count`` sentences; ``group`` is the day, the target ends each word with silence.

    Args:
        count: samples to make.
        seed: of the sentences; the patterns depend on ``style.world`` alone.
        channels: values per bin.
        days: names of the days, used in turn.
        phonemes: what may be said; silence must be among them.
        max_frames: bins of the longest sample; a sentence ends before it.
        style: how a brain speaks.

    Raises:
        ConfigError: ``max_frames`` does not hold one phoneme between silences.
    """
    style = style or Style()
    if max_frames < 3 * style.bins[0]:
        raise ConfigError(f"max_frames is {max_frames}, expected {3 * style.bins[0]} or more")
    world = np.random.default_rng([style.world, channels])
    patterns = world.normal(0.0, style.depth, (len(phonemes), channels))
    patterns[list(phonemes).index(SILENCE)] = 0.0
    gains = np.exp(world.normal(0.0, style.gain, (len(days), channels)))
    offsets = world.normal(0.0, style.offset, (len(days), channels))
    rng = np.random.default_rng(seed)
    for n in range(count):
        sentence, lasting = _sentence(phonemes, max_frames, rng, style)
        rates = style.rate * np.exp(_drive(patterns[sentence], lasting))
        spikes = rng.poisson(rates)
        scored = (spikes - style.rate) / np.sqrt(style.rate)
        day = n % len(days)
        yield Recording(
            signal=(scored * gains[day] + offsets[day]).astype(np.float32),
            target=tuple(phonemes[i] for i in sentence[1:]),
            name=f"neural-{seed}-{n}",
            group=days[day],
            setting=days[day],
        )


def _sentence(
    phonemes: Sequence[str], max_frames: int, rng: np.random.Generator, style: Style
) -> tuple[list[int], list[int]]:
    """Return phoneme indices and their bins; silence comes first and after each word."""
    silence = list(phonemes).index(SILENCE)
    voiced = [i for i in range(len(phonemes)) if i != silence]

    def bins(n: int) -> list[int]:
        return [int(b) for b in rng.integers(style.bins[0], style.bins[1] + 1, n)]

    sentence, lasting = [silence], bins(1)
    for _ in range(rng.integers(style.words[0], style.words[1] + 1)):
        size = int(rng.integers(style.word[0], style.word[1] + 1))
        word = [int(i) for i in rng.choice(voiced, size, replace=False)]
        more = bins(size + 1)
        if sum(lasting) + sum(more) > max_frames:
            if len(sentence) > 1:
                break
            # No sentence is empty: one phoneme at least, as fast as any.
            word, lasting, more = word[:1], [style.bins[0]], [style.bins[0]] * 2
        sentence, lasting = [*sentence, *word, silence], lasting + more
    return sentence, lasting


def _drive(patterns: Array, lasting: list[int]) -> Array:
    """Return (T, channels): each pattern for its time, borders smoothed over five bins."""
    steps = np.repeat(patterns, lasting, axis=0)
    kernel = np.hanning(7)[1:-1]
    kernel /= kernel.sum()
    wide = np.pad(steps, ((2, 2), (0, 0)), mode="edge")
    return np.asarray(sum(k * wide[i : i + len(steps)] for i, k in enumerate(kernel)))
