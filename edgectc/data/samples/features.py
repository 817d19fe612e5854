"""Feature arrays for networks that were made elsewhere: read from files, never generated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from edgectc.core.contracts import Frontend
from edgectc.core.errors import ConfigError, InputError
from edgectc.core.types import Array, Recording
from edgectc.data import signals
from edgectc.data.signal_samples import SignalSamples
from edgectc.data.splits import SPLITS
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
    stands_in = None

    def rows(self, path: Path) -> Iterator[Recording | InputError]:
        """Yield the recordings of a file.

        Beside the usual files, one of ``features`` (N, T, C), (N, T) or images (N, C, H, W) with
        ``lengths`` (N,), and if wanted ``texts`` (N,), what they say, and ``split`` (N,).

        Raises:
            InputError: the file cannot be read; reason ``bad_file``.
        """
        arrays = _arrays(path)
        if arrays is None:
            yield from super().rows(path)
            return
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
        for i, (signal, text, part) in enumerate(zip(cut, texts, parts, strict=True)):
            target = tuple(text.split(separator) if separator else text)
            if signal.ndim == 3:  # an image: its columns, as the network gets them
                try:
                    signal = self.frontend.frames(signal)
                except InputError as error:
                    yield InputError(str(error), reason=error.reason, name=f"row {i}")
                    continue
            yield Recording(signal, target, f"row {i}", split=part)

    def read(self, path: Path, split: str | None = None) -> Iterator[Recording | InputError]:
        """Yield the recordings of a split; a file of features without splits is all of each."""
        arrays = _arrays(path)
        if arrays is None:
            return super().read(path, split)
        rows = self.rows(path)
        wanted = ("", split) if split not in (None, "all") else ("", *SPLITS)
        return (row for row in rows if isinstance(row, InputError) or row.split in wanted)

    def synthesize(
        self, count: int, *, seed: int, lexicon: Lexicon | None = None, natural: bool = False
    ) -> Iterator[Recording]:
        """Raise `ConfigError`: only their maker knows what such features look like."""
        raise ConfigError(
            "nothing is generated for frontend 'features'; give data=FILE", options=["data"]
        )


def _arrays(path: Path) -> Mapping[str, Array] | None:
    """Return the arrays of a file of ``features``, None for another file."""
    if path.suffix != signals.SUFFIX or not path.is_file():
        return None
    arrays = signals.read_arrays(path)
    return arrays if "features" in arrays else None
