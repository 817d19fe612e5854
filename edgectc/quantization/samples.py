"""Recordings to calibrate with and labelled ones to measure with, of any family, as network inputs.

Swipes are split by user, as in training: ranges come from the users that the network learnt from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgectc.core.errors import ConfigError, InputError, NonFiniteError, UnknownNameError
from edgectc.core.files import file_sha256
from edgectc.core.nonfinite import describe
from edgectc.core.types import Array, Sample
from edgectc.data import signals, swipe_files
from edgectc.data.samples import landmarks, neural
from edgectc.formats import reference
from edgectc.formats.bundle import Bundle
from edgectc.language.spelling import letters

_GENERATED = {"train": 512, "dev": 100}
_UNLIKE = 30.0  # times larger or smaller than the reference recordings: another unit


@dataclass(frozen=True)
class Recordings:
    """Usable recordings of one split.

    Attributes:
        inputs: of the network, batch of one.
        names: what names each in reports.
        settings: layout or day of each, as `edgectc.formats.reference.Case` has it.
        labels: what was meant: a word's letters, or symbols.
        contexts: words before it.
        groups: who made it; "" where that is unknown.
        about: source for the manifest: file, hash, split, what was dropped.
        left_out: "; left out: 2 too_long (row 7: ...)" for an error message; "" if nothing was.
    """

    inputs: tuple[Mapping[str, Array], ...]
    names: tuple[str, ...]
    settings: tuple[str, ...]
    labels: tuple[str | tuple[str, ...], ...]
    contexts: tuple[tuple[str, ...], ...]
    groups: tuple[str, ...]
    about: Mapping[str, Any]
    left_out: str = ""

    def __len__(self) -> int:
        return len(self.names)

    @property
    def lengths(self) -> list[int]:
        """Return the valid frames of each."""
        return [int(one["length"][0]) for one in self.inputs]

    def rows(self, chosen: Iterable[int]) -> Recordings:
        """Return some of them."""
        kept = list(chosen)
        fields = ("inputs", "names", "settings", "labels", "contexts", "groups")
        values: dict[str, Any] = {
            name: tuple(getattr(self, name)[i] for i in kept) for name in fields
        }
        return replace(self, **values)


@dataclass(frozen=True)
class _Row:
    name: str
    raw: Array | None
    error: InputError | None = None
    setting: str = ""
    label: str | tuple[str, ...] = ""
    context: tuple[str, ...] = ()
    group: str = ""


def load(
    bundle: Bundle,
    frontend: Any,
    path: str | None,
    *,
    split: str,
    labelled: bool = False,
    nan_policy: str = "error",
) -> Recordings:
    """Return the usable recordings of a split.

    Args:
        bundle: of the model.
        frontend: of the model.
        path: swipes as JSON lines, or a ``.npz`` of recordings; None takes the swipes that
            EDGECTC_DATA names, or generates recordings as `edgectc train` does.
        split: "train", "dev" or "test".
        labelled: leave out what has no label.
        nan_policy: "error" raises at a recording with NaN or Inf, "drop-samples" counts it.

    Raises:
        NonFiniteError: a recording holds NaN or Inf; names it.
        InputError: the file cannot be read, or its recordings are in another unit.
    """
    kind = str(bundle.index.model["frontend"]["type"])
    boards = {board.name: board for board in bundle.layouts}
    file = swipe_files.find(path) if kind == "swipe" else Path(path) if path else None
    rows = _swipes(file, split) if kind == "swipe" else _signals(kind, frontend, file, split)
    found: list[tuple[Any, ...]] = []
    dropped, first, bad = Counter[str](), dict[str, str](), dict[str, str]()
    for row in rows:
        try:
            if row.error is not None:
                raise row.error
            if labelled and not row.label:
                raise InputError("no label", reason="no_label")
            inputs = frontend.prepare(row.raw, reference.setting(boards, row.setting))
        except (InputError, UnknownNameError) as error:
            reason = error.reason if isinstance(error, InputError) else f"unknown_{error.kind}"
            dropped[reason] += 1
            first.setdefault(reason, f"{row.name}: {error}")
            if reason == "not_finite":
                bad[row.name] = str(error)
            continue
        found.append((inputs, row.name, row.setting, row.label, row.context, row.group))
    if bad and nan_policy != "drop-samples":
        raise NonFiniteError(
            f"samples hold NaN or Inf: {describe(bad)}; repair them, or leave them out with "
            "nan_policy=drop-samples",
            options=["nan_policy"],
        )
    about: dict[str, Any] = {"file": file.name if file else "generated", "split": split}
    about |= {"sha256": file_sha256(file)} if file else {}
    about |= {"dropped": dict(dropped), "usable": len(found)}
    columns: list[Any] = [*zip(*found, strict=True)] if found else [()] * 6
    inputs, names, settings, labels, contexts, groups = columns
    told = "; ".join(f"{count} {reason} ({first[reason]})" for reason, count in dropped.items())
    told = f"; left out: {told}" if told else ""
    made = Recordings(inputs, names, settings, labels, contexts, groups, about, told)
    _check_unit(bundle, made)
    return made


def _swipes(path: Path | None, split: str) -> Iterator[_Row]:
    assert path is not None
    for row in swipe_files.read(path):
        name = f"row {row.index}"
        if row.swipe is None:
            yield _Row(name, None, row.error)
        elif row.swipe.user is None:
            yield _Row(name, None, InputError("no user", reason="no_user"))
        elif swipe_files.split_of(row.swipe.user) == split:
            one = row.swipe
            label = letters(one.word or "")
            yield _Row(name, one.points, None, one.layout, label, one.context, one.user or "")


def _signals(kind: str, frontend: Any, path: Path | None, split: str) -> Iterator[_Row]:
    known = set(frontend.tokens().symbols)
    samples: Iterable[Sample]
    if path is None:
        samples = _generated(kind, frontend, split)
    else:
        samples = signals.read(path).get(split, [])
    for sample in samples:
        label = tuple(s for s in sample.target if s in known)
        group = sample.group or ""
        setting = group if kind == "neural" else ""
        yield _Row(sample.name, sample.signal, None, setting, label, (), group)


def _generated(kind: str, frontend: Any, split: str) -> Iterable[Sample]:
    """Return recordings as `edgectc train` generates them; seeds 0 and 1."""
    if split not in _GENERATED:
        raise ConfigError(f"generated recordings have no split {split!r}; use train or dev")
    count, seed, shape = _GENERATED[split], int(split == "dev"), frontend.options
    if kind == "neural":
        return neural.synthesize(
            count,
            seed=seed,
            channels=shape.channels,
            days=shape.days,
            phonemes=shape.phonemes,
            max_frames=shape.max_frames,
        )
    if kind == "landmarks":
        return landmarks.synthesize(
            count,
            seed=seed,
            glosses=frontend.tokens().symbols[1:],
            points=landmarks.Points(shape.pose, shape.hand, shape.face),
            max_frames=shape.max_frames,
        )
    raise ConfigError(f"nothing is generated for frontend {kind!r}; give a file")


def _check_unit(bundle: Bundle, given: Recordings) -> None:
    """Refuse recordings whose first input is far larger or smaller than the reference cases'."""
    cases = reference.from_safetensors(bundle.file("reference.safetensors"))
    expected = _size([case.trace[: case.length] for case in cases])
    frames = [next(iter(one.values()))[0, : int(one["length"][0])] for one in given.inputs]
    got = _size(frames) if frames else expected
    if not expected / _UNLIKE <= got <= expected * _UNLIKE:
        name = next(iter(given.inputs[0]))
        raise InputError(
            f"the samples' {name!r} is about {got:.3g} in size, the model was trained on about "
            f"{expected:.3g}: they are in another unit; bring them into that of "
            "`edgectc inspect`",
            reason="other_unit",
        )


def _size(frames: Sequence[Array]) -> float:
    """Root mean square, over all recordings."""
    values = np.concatenate([one.reshape(-1) for one in frames]).astype(np.float64)
    return float(np.sqrt((values**2).mean())) if values.size else 0.0
