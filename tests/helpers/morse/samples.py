"""Recordings of keyed letters, for once all of them generated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from edgectc.core.contracts import Frontend
from edgectc.core.types import Recording
from edgectc.data.signal_samples import SignalSamples
from edgectc.formats.layouts import Layout
from edgectc.language.lexicon import Lexicon
from morse.frontend import CODES


@dataclass(frozen=True)
class Options:
    """There is nothing to choose."""


class MorseSamples(SignalSamples):
    """One to three letters by one of two operators."""

    metric = "letter error rate"

    def synthesize(
        self, count: int, *, seed: int, lexicon: Lexicon | None = None, natural: bool = False
    ) -> Iterator[Recording]:
        rng = np.random.default_rng(seed)
        for n in range(count):
            letters = tuple(rng.choice([*CODES], rng.integers(1, 4)).tolist())
            keyed = "  ".join(CODES[letter] for letter in letters)
            on = {".": [1.0, 0.0], "-": [1.0, 1.0, 1.0, 0.0], " ": [0.0] * 2}
            tone = np.array([0.0] * 2 + [value for key in keyed for value in on[key]])
            tone = (tone + rng.normal(0.0, 0.05, len(tone))).astype(np.float32)
            yield Recording(tone[:, None], letters, f"morse-{seed}-{n}", f"operator-{n % 2}")


def create(options: Options, *, frontend: Frontend, layouts: Mapping[str, Layout]) -> MorseSamples:
    return MorseSamples(frontend)
