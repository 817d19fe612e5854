"""Neural activity of attempted speech: sentences of phonemes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from edgectc.core.types import JSON, Recording
from edgectc.data import scales
from edgectc.data.frontends.neural import NeuralFrontend
from edgectc.data.generators import neural
from edgectc.data.signal_samples import SignalSamples
from edgectc.formats.layouts import Layout
from edgectc.language.lexicon import Lexicon


@dataclass(frozen=True)
class Options:
    """There is nothing to choose; channels and days are the frontend's."""


def create(
    options: Options, *, frontend: NeuralFrontend, layouts: Mapping[str, Layout]
) -> NeuralSamples:
    """Return the recordings that ``frontend`` takes."""
    return NeuralSamples(frontend)


class NeuralSamples(SignalSamples):
    """Sentences, each of one day; measured by the phoneme error rate."""

    metric = "PER"
    told = ("channels", "days", "phonemes")

    def __init__(self, frontend: NeuralFrontend) -> None:
        super().__init__(frontend)
        self._options = frontend.options

    def found(self, recordings: Iterable[Recording]) -> Mapping[str, JSON]:
        """Return the width, the days, sorted, and the phonemes: the usual ones if all are of them.

        Others are taken as they are said, sorted.
        """
        widths, days, said = Counter[int](), set[str](), set[str]()
        for row in recordings:
            widths[row.signal.shape[-1]] += 1
            days |= {row.group} if row.group else set()
            said |= {*row.target}
        phonemes = neural.PHONEMES if said <= {*neural.PHONEMES} else sorted(said)
        found: dict[str, JSON] = {"phonemes": [*phonemes]}
        if widths:
            found["channels"] = widths.most_common(1)[0][0]
        if days:
            found["days"] = sorted(days)
        return found

    def problems(self, recordings: Sequence[Recording]) -> dict[str, str]:
        """Return what shows activity that is not z-scored."""
        return scales.of_activity(recordings)

    def typical(self, recordings: Sequence[Recording]) -> bool:
        """Return whether all that is said are phonemes."""
        said = {symbol for row in recordings for symbol in row.target}
        return bool(said) and said <= {*self._options.phonemes}

    def synthesize(
        self, count: int, *, seed: int, lexicon: Lexicon | None = None, natural: bool = False
    ) -> Iterator[Recording]:
        """Yield generated activity; see `edgectc.data.generators.neural`."""
        shape = self._options
        return neural.synthesize(
            count,
            seed=seed,
            channels=shape.channels,
            days=shape.days,
            phonemes=shape.phonemes,
            max_frames=shape.max_frames,
        )
