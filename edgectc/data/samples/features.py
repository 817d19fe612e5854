"""Feature arrays for networks that were made elsewhere: read from files, never generated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgectc.core.contracts import Frontend
from edgectc.core.errors import ConfigError, InputError
from edgectc.core.types import JSON, Array, Recording
from edgectc.data import signals
from edgectc.data.columns import Input, width
from edgectc.data.frontends.features import FeaturesFrontend
from edgectc.data.readers import signal_lines
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
        ``lengths`` (N,), and if wanted ``texts`` (N,), what they say, and ``split`` (N,). A network
        of several inputs may have each by its name, as in the sample that it was exported with;
        in JSON lines they are the keys of ``signal``.

        Raises:
            InputError: the file cannot be read; reason ``bad_file``.
        """
        arrays = self._arrays(path)
        if arrays is None:
            lines = self._inputs and signal_lines.takes(path)
            yield from signal_lines.lines(path, self._taken) if lines else super().rows(path)
            return
        cut = self._cut(path, arrays)
        texts = [str(text) for text in arrays.get("texts", [""] * len(cut))]
        parts = [str(part) for part in arrays.get("split", [""] * len(cut))]
        if not len(cut) == len(texts) == len(parts) or not {*parts} <= {"", *SPLITS}:
            raise InputError(
                f"{path}: {len(cut)} recordings, {len(texts)} texts and splits {sorted({*parts})}, "
                f"expected as many of each, and splits of {list(SPLITS)}",
                reason="bad_file",
            )
        separator = self.frontend.tokens().separator
        for i, (signal, text, part) in enumerate(zip(cut, texts, parts, strict=True)):
            target = tuple(text.split(separator) if separator else text)
            if isinstance(signal, Mapping) or signal.ndim == 3:  # as the network gets them: columns
                try:
                    signal = self.frontend.frames(signal)
                except InputError as error:
                    yield InputError(str(error), reason=error.reason, name=f"row {i}")
                    continue
            yield Recording(signal, target, f"row {i}", split=part)

    def untold(self, path: Path) -> Iterator[Recording | InputError]:
        """Yield the recordings of a file, which need no texts."""
        named = self._inputs and self._arrays(path) is not None
        return self.rows(path) if named else super().untold(path)

    def _taken(self, value: JSON) -> Array:
        """Return the columns of what a JSON line has as ``signal``: inputs by name, or an array."""
        named = signal_lines.by_name(value)
        given = (
            signal_lines.array(value)
            if named is None
            else {name: signal_lines.array(part, name) for name, part in named.items()}
        )
        return self.frontend.frames(given)

    def _cut(self, path: Path, arrays: Mapping[str, Array]) -> Sequence[Array | dict[str, Array]]:
        """Return each recording: its frames, or its inputs by their names."""
        inputs, features = self._inputs, arrays.get("features")
        by_name = bool({one.name for one in inputs} & {*arrays})
        if (
            features is not None
            and not by_name
            and (len(inputs) < 2 or features.shape[-1:] == (width(inputs),))
        ):
            return [signal for signal, _ in signals.recordings(path)]
        given = {
            (inputs[0].name if name == "features" else name): array
            for name, array in arrays.items()
        }
        lacking = [one.name for one in inputs if one.name not in given]
        moves = next(one for one in inputs if one.moves)
        n, T = -1, 0
        if not lacking and given[moves.name].ndim > 1:
            shape = given[moves.name].shape
            n, T = shape[0], shape[-1 if moves.kind == "image" else 1]
        if n < 0 or any(given[one.name].shape[:1] != (n,) for one in inputs):
            shapes = {name: array.shape for name, array in arrays.items()}
            raise InputError(
                f"{path} holds {shapes}, expected {[one.name for one in inputs]} of N recordings, "
                "as in the sample of the export, with lengths (N,)",
                reason="bad_file",
            )
        return [
            {one.name: _first(one, given[one.name][i], length) for one in inputs}
            for i, length in enumerate(signals.lengths(path, arrays, n, T))
        ]

    def _arrays(self, path: Path) -> Mapping[str, Array] | None:
        """Return the arrays of a file of inputs as the network has them, None for another file.

        Raises:
            InputError: it is a ``.npz`` of neither; reason ``bad_file``.
        """
        if path.suffix != signals.SUFFIX or not path.is_file():
            return None
        arrays = signals.read_arrays(path)
        names = [one.name for one in self._inputs] or ["features"]
        if {"features", *names} & {*arrays}:
            return arrays
        if "signal" in arrays:
            return None
        raise InputError(
            f"{path} holds {sorted(arrays)}, expected {names} of N recordings, with lengths (N,), "
            "or signal, length and target",
            reason="bad_file",
        )

    @property
    def _inputs(self) -> tuple[Input, ...]:
        """Return the inputs of a network of several; images and ids are named too."""
        return self.frontend.options.inputs if isinstance(self.frontend, FeaturesFrontend) else ()

    def read(self, path: Path, split: str | None = None) -> Iterator[Recording | InputError]:
        """Yield the recordings of a split; a file of features without splits is all of each."""
        arrays = self._arrays(path)
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


def _first(one: Input, value: Array, length: int) -> Array:
    """Return the first frames of an input of one recording; what has none as it is."""
    if not one.moves:
        return value
    return value[..., :length] if one.kind == "image" else value[:length]
