"""Signing as body landmarks: sentences of glosses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from edgectc.core.types import JSON, Recording
from edgectc.data import scales
from edgectc.data.frontends.landmarks import LandmarksFrontend
from edgectc.data.generators import landmarks
from edgectc.data.signal_samples import SignalSamples
from edgectc.formats.layouts import Layout
from edgectc.language.lexicon import Lexicon

_KINDS = 4  # values of a coordinate: itself, velocity, acceleration, and from the part's middle


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
    told = ("glosses", "columns")

    def __init__(self, frontend: LandmarksFrontend) -> None:
        super().__init__(frontend)
        self._options = shape = frontend.options
        self._points = shape.pose + 2 * shape.hand + shape.face

    def found(self, recordings: Iterable[Recording]) -> Mapping[str, JSON]:
        """Return the glosses that are said, sorted, and a column for each and the blank."""
        glosses = sorted({symbol for row in recordings for symbol in row.target})
        return {"glosses": [*glosses], "columns": len(glosses) + 1}

    def taken(self, recording: Recording) -> Recording:
        """Return the points alone of 4 values a coordinate: they, how they move, and the shape.

        Those are of pose, hands and face first; the network makes the others from them.
        """
        width = 3 * self._points
        if recording.signal.ndim == 2 and recording.signal.shape[1] == _KINDS * width:
            return replace(recording, signal=recording.signal[:, :width])
        return recording

    def problems(self, recordings: Sequence[Recording]) -> dict[str, str]:
        """Return what shows pixels, or another order of axes or points."""
        return scales.of_landmarks([*map(self.taken, recordings)])

    def typical(self, recordings: Sequence[Recording]) -> bool:
        """Return whether each frame has as many values as there are coordinates of points."""
        widths = {self.taken(row).signal.shape[-1] for row in recordings}
        return widths == {3 * self._points}

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
