"""Signing as body landmarks: sentences of glosses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from edgectc.core.types import Recording
from edgectc.data import scales
from edgectc.data.frontends.landmarks import LandmarksFrontend
from edgectc.data.generators import landmarks
from edgectc.data.signal_samples import SignalSamples
from edgectc.formats.layouts import Layout
from edgectc.language.lexicon import Lexicon


@dataclass(frozen=True)
class Options:
    """There is nothing to choose; the points are the frontend's."""


def create(
    options: Options, *, frontend: LandmarksFrontend, layouts: Mapping[str, Layout]
) -> LandmarksSamples:
    """Return the recordings that ``frontend`` takes."""
    return LandmarksSamples(frontend)


class LandmarksSamples(SignalSamples):
    """Sentences, each by one of a few signers; measured by the error rate of glosses."""

    metric = "WER"

    def __init__(self, frontend: LandmarksFrontend) -> None:
        super().__init__(frontend)
        self._options = frontend.options

    def problems(self, recordings: Sequence[Recording]) -> dict[str, str]:
        """Return what shows pixels, or another order of axes or points."""
        return scales.of_landmarks(recordings)

    def typical(self, recordings: Sequence[Recording]) -> bool:
        """Return whether each frame has as many values as there are coordinates of points."""
        widths = {row.signal.shape[-1] for row in recordings}
        return widths == {3 * (self._options.pose + 2 * self._options.hand + self._options.face)}

    def synthesize(
        self, count: int, *, seed: int, lexicon: Lexicon | None = None, natural: bool = False
    ) -> Iterator[Recording]:
        """Yield generated signing; see `edgectc.data.generators.landmarks`."""
        shape = self._options
        return landmarks.synthesize(
            count,
            seed=seed,
            glosses=self.frontend.tokens().symbols[1:],
            points=landmarks.Points(shape.pose, shape.hand, shape.face),
            max_frames=shape.max_frames,
        )
