"""Feature arrays for networks that were made elsewhere: read from files, never generated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from edgectc.core.contracts import Frontend
from edgectc.core.errors import ConfigError
from edgectc.core.types import Recording
from edgectc.data.signal_samples import SignalSamples
from edgectc.formats.layouts import Layout
from edgectc.language.lexicon import Lexicon


@dataclass(frozen=True)
class Options:
    """There is nothing to choose."""


def create(
    options: Options, *, frontend: Frontend, layouts: Mapping[str, Layout]
) -> FeaturesSamples:
    """Return the recordings that ``frontend`` takes."""
    return FeaturesSamples(frontend)


class FeaturesSamples(SignalSamples):
    """Features of whatever kind, with the symbols that were meant."""

    metric = "error"
    generated_suffices = False

    def synthesize(
        self, count: int, *, seed: int, lexicon: Lexicon | None = None, natural: bool = False
    ) -> Iterator[Recording]:
        """Raise `ConfigError`: only their maker knows what such features look like."""
        raise ConfigError(
            "nothing is generated for frontend 'features'; give data=FILE", options=["data"]
        )
