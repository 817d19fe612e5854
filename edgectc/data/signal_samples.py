"""What families of plain recordings, (T, C) numbers, have in common: files, splits, errors."""

from __future__ import annotations

import json
import os
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgectc.core.contracts import Frontend, Samples
from edgectc.core.errors import ConfigError, InputError
from edgectc.core.files import hint
from edgectc.core.metrics import edit_distance
from edgectc.core.types import Recording
from edgectc.data import readers, shards, signals, splits
from edgectc.formats.manifest import pack_array

if TYPE_CHECKING:
    from edgectc.language.lexicon import Lexicon

_SHIPPED = 6
_REFERENCE = 3
_EVERY = 10  # one recording of so many is a dev one


class SignalSamples(Samples):
    """Labelled recordings, of a ``.npz`` or as others keep them; a family generates some."""

    tunable = ("beam",)

    def __init__(self, frontend: Frontend) -> None:
        self.frontend = frontend

    @abstractmethod
    def synthesize(
        self, count: int, *, seed: int, lexicon: Lexicon | None = None, natural: bool = False
    ) -> Iterator[Recording]:
        """Yield generated recordings; see `edgectc.core.contracts.Samples`."""

    def locate(self, data: str | None, *, option: str = "data") -> Path | None:
        """Return the file that ``data`` names, or EDGECTC_DATA if that is a ``.npz``, no swipes."""
        if data is None:
            named = os.environ.get("EDGECTC_DATA", "")
            data = named if named.endswith(signals.SUFFIX) else None
        if data is not None and not (Path(data).exists() and readers.takes(Path(data))):
            raise InputError(
                f"no recordings at {data!r}{hint(data)}, expected a {signals.SUFFIX} file, or a "
                f"file or folder in one of the formats {', '.join(readers.names())}; pass "
                f"{option}=PATH",
                reason="no_data",
                options=[option],
            )
        return None if data is None else Path(data)

    def rows(self, path: Path) -> Iterator[Recording | InputError]:
        """Yield the recordings of a file; a group is a setting where settings count.

        Raises:
            InputError: the file cannot be read; reason ``bad_file``.
        """
        return map(self.as_taken, readers.read(path))

    def untold(self, path: Path) -> Iterator[Recording | InputError]:
        """Yield the recordings of a file, which need not say what was meant.

        Raises:
            InputError: the file cannot be read; reason ``bad_file``.
        """
        if path.suffix != signals.SUFFIX:
            return self.rows(path)
        settings = bool(self.frontend.settings)
        return (
            Recording(signal, name=f"row {i}", group=group, setting=group or "" if settings else "")
            for i, (signal, group) in enumerate(signals.recordings(path))
        )

    def as_taken(self, row: Recording | InputError) -> Recording | InputError:
        """Return a recording of a file as the frontend takes it, with its setting."""
        if isinstance(row, Recording):
            row = self.taken(row)
            if self.frontend.settings:
                row = replace(row, setting=row.group or "")
        return row

    def taken(self, recording: Recording) -> Recording:
        """Return a recording as the frontend takes it: without what the network makes itself."""
        return recording

    def read(self, path: Path, split: str | None = None) -> Iterator[Recording | InputError]:
        """Yield the recordings of a split; of None the dev ones, or those of a file without any."""
        people = not self.frontend.settings
        if shards.is_set(path):
            return map(self.as_taken, self._of_shards(path, split, people))
        rows = self.rows(path)
        if split is not None:
            return splits.of_split(rows, split, people=people)
        held = list(rows)
        dev = [row for row in held if isinstance(row, Recording) and row.split == "dev"]
        return iter(dev or held)

    def _of_shards(
        self, path: Path, split: str | None, people: bool
    ) -> Iterator[Recording | InputError]:
        if split is None:
            (sides,), how = shards.sides([shards.open_set(path)], people=people)
            dev = splits.SPLITS.index("dev")
            named = how == splits.AS_NAMED and any((side == dev).any() for side in sides)
            split = "dev" if named else "all"
        return shards.of_split(path, split, people=people)

    def typical(self, recordings: Sequence[Recording]) -> bool:
        """Return whether recordings of an unknown family are plainly of this one."""
        return False

    def reference(self, *, seed: int) -> list[Recording]:
        """Return the first of the recordings that `shipped` writes."""
        return list(self.synthesize(_SHIPPED, seed=seed))[:_REFERENCE]

    def shipped(self, *, seed: int) -> bytes:
        """Return a few generated recordings as JSON lines."""
        rows = [
            {
                "name": row.name,
                "group": row.group,
                "target": row.target,
                "signal": pack_array(row.signal),
            }
            for row in self.synthesize(_SHIPPED, seed=seed)
        ]
        return "".join(json.dumps(row, sort_keys=True) + "\n" for row in rows).encode()

    def write(self, path: Path, recordings: Iterable[Recording]) -> None:
        """Write recordings with splits: people apart, settings on both sides.

        A setting of the frontend (a day) has to be in both splits, so every tenth recording is a
        dev one. People it must not know: the last group is the dev split.
        """
        rows = list(recordings)
        if self.frontend.settings:
            chosen = [n % _EVERY == 1 for n in range(len(rows))]
        else:
            last = max((str(row.group) for row in rows), default="")
            chosen = [str(row.group) == last for row in rows]
        if len(set(chosen)) < 2:
            raise ConfigError(
                f"{len(rows)} samples of one group, expected 2 or more: train and dev"
            )
        pairs = list(zip(rows, chosen, strict=True))
        train = [row for row, dev in pairs if not dev]
        signals.write(path, {"train": train, "dev": [row for row, dev in pairs if dev]})

    def labelled(self, recording: Recording) -> bool:
        """Return whether there is a target."""
        return bool(recording.target)

    def errors(self, target: Sequence[str], text: str, separator: str) -> tuple[int, int]:
        """Return the edits to the target, and its length; what the model cannot say is wrong."""
        symbols = [s for s in text.split(separator) if s] if separator else list(text)
        return edit_distance(target, symbols), len(target)

    def slices(
        self, recordings: Sequence[Recording], seen: frozenset[int] | None
    ) -> dict[str, list[bool]]:
        """Return no slices."""
        return {}
