"""Feature arrays for networks that were made elsewhere: read from files, never generated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from edgectc.core.contracts import Frontend
from edgectc.core.errors import ConfigError, InputError
from edgectc.core.types import Recording
from edgectc.data import signals
from edgectc.data.signal_samples import SignalSamples
from edgectc.data.swipe_files import SPLITS
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

    def splits(self, path: Path) -> dict[str, list[Recording]]:
        """Return the recordings of a file by split.

        Beside the usual file, one of ``features`` (N, T, C) or (N, T) with ``lengths`` (N,), and if
        wanted ``texts`` (N,), what they say, and ``split`` (N,); without splits, all are of both.

        Raises:
            InputError: the file cannot be read; reason ``bad_file``.
        """
        arrays = signals.read_arrays(path)
        if "features" not in arrays:
            return super().splits(path)
        cut = [signal for signal, _ in signals.recordings(path)]
        texts = [str(text) for text in arrays.get("texts", [""] * len(cut))]
        parts = [str(part) for part in arrays.get("split", [""] * len(cut))]
        if not len(cut) == len(texts) == len(parts) or not {*parts} <= {"", *SPLITS}:
            raise InputError(
                f"{path}: {len(cut)} features, {len(texts)} texts and splits {sorted({*parts})}, "
                f"expected as many of each, and splits of {list(SPLITS)}",
                reason="bad_file",
            )
        separator = self.frontend.tokens().separator
        rows = [
            Recording(signal, tuple(text.split(separator) if separator else text), f"row {i}")
            for i, (signal, text) in enumerate(zip(cut, texts, strict=True))
        ]
        return {
            split: [row for row, part in zip(rows, parts, strict=True) if part in ("", split)]
            for split in SPLITS
        }

    def synthesize(
        self, count: int, *, seed: int, lexicon: Lexicon | None = None, natural: bool = False
    ) -> Iterator[Recording]:
        """Raise `ConfigError`: only their maker knows what such features look like."""
        raise ConfigError(
            "nothing is generated for frontend 'features'; give data=FILE", options=["data"]
        )
