"""What is said of one recording of a data set without a look at the others; see `checks`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from edgectc.core import registry
from edgectc.core.contracts import Frontend
from edgectc.core.errors import ConfigError, InputError, UnknownNameError
from edgectc.core.tokens import frames_needed, output_length
from edgectc.core.types import Array, Recording, Swipe
from edgectc.data import shards, splits, swipe_files
from edgectc.data.preparation import Preparation
from edgectc.data.recordings import samples_for
from edgectc.data.signal_samples import SignalSamples
from edgectc.data.swipe_files import Row
from edgectc.formats import bundle as bundles
from edgectc.formats import layouts
from edgectc.formats.layouts import Layout
from edgectc.language.spelling import spell

Room = Callable[[Swipe | Recording], int]  # output frames that a model has for a recording
SWIPE = ("points", "duration_ms", "points_per_s", "letters", "keys_off")
RECORDING = ("frames", "symbols", "missing_share")

_JUMP = 3.0  # key units within
_JUMP_MS = 40.0  # this time: another finger, or lost events
_GAP_MS = 1000.0  # without a point, while the finger was down
WORST = 12  # swipes that are shown
_FAR = 1.5  # key units that the path may keep from the letters of its word, on average


@dataclass(frozen=True, slots=True)
class Look:
    """One recording as the doctor sees it.

    Attributes:
        name: where it stands: file and row, or its own name.
        problems: (kind, text) of what is wrong with it alone.
        usable: whether it could be read.
        split: that it names; "" for none.
        group: who or which day it is from; None for unknown.
        label: what was meant.
        content: (16 bytes) hash of the recording; equal ones have equal hashes.
        key: see `edgectc.data.splits.row_key`.
        figures: of `SWIPE` or `RECORDING`; NaN for what cannot be told.
        misfit: a swipe with its distance from its word, of the `WORST` of its chunk.
        sketch: of a recording with a width or symbol that others of its piece did not have, what
            tells which family it is of: its target, and zeros of its width.
        sample: the recording itself, where it is one of those whose scale is looked at.
    """

    name: str
    problems: tuple[tuple[str, str], ...]
    usable: bool = True
    split: str = ""
    group: str | None = None
    label: tuple[str, ...] = ()
    content: bytes = b""
    key: int = 0
    figures: tuple[float, ...] = ()
    misfit: tuple[float, Swipe] | None = None
    sketch: Recording | None = None
    sample: Recording | None = None


@dataclass(frozen=True)
class Chunk:
    """Some rows of a file, to be looked at in one go; see `look_at`.

    Attributes:
        file: name of the file or set.
        rows: rows of swipes as read, or recordings, or nothing where ``shard`` says what.
        lines: or rows of JSON lines as they stand: index, number and bytes.
        path: of the file that the lines are of.
        shard: or set and number of a shard, and how many rows of the set are before it.
        model: bundle that has to have room for the labels; None for no model.
        kind: type of the frontend of the recordings, where that is known.
        first: rows of the data set before these.
        stride: of every so many rows of the data set one is a sample.
        size: how many rows there are.
    """

    file: str
    rows: Sequence[Row | Recording | InputError] = field(default=(), repr=False)
    lines: Sequence[tuple[int, int, bytes]] = field(default=(), repr=False)
    path: str = ""
    shard: tuple[Path, int, int] | None = None
    model: str | None = None
    kind: str | None = None
    first: int = 0
    stride: int = 1
    size: int = 0


def look_at(chunk: Chunk, room: Room | None = None) -> list[Look]:
    """Return what is to be said of each row of a chunk, in order.

    Args:
        chunk: rows.
        room: in place of that of the chunk's model.
    """
    if room is None and chunk.model is not None:
        room = output_frames(chunk.model)
    family = None if chunk.kind is None and chunk.model is None else _family(chunk)
    known: set[int | str] = set()
    found = []
    for number, row in enumerate(_rows(chunk), start=chunk.first):
        if isinstance(row, Row):
            found.append(_of_row(row, chunk.file, room))
        elif isinstance(row, InputError):
            problem = (row.reason, f"{chunk.file} {row.name}: {row}")
            found.append(Look(f"{chunk.file} {row.name}", (problem,), usable=False))
        else:
            look = _of_recording(row, chunk.file, room, family, known)
            found.append(look if number % chunk.stride else replace(look, sample=row))
    return _worst_alone(found)


def _worst_alone(looks: list[Look]) -> list[Look]:
    """Return the looks, the swipes of most taken out: they may go to another process."""
    far = [(look.misfit[0], -n) for n, look in enumerate(looks) if look.misfit is not None]
    kept = {-n for _, n in sorted(far, reverse=True)[:WORST]}
    return [look if n in kept else replace(look, misfit=None) for n, look in enumerate(looks)]


def _rows(chunk: Chunk) -> Iterator[Row | Recording | InputError]:
    if chunk.shard is not None:
        path, number, before = chunk.shard
        found = shards.open_set(path)
        opened = found.opened(found.index.shards[number], verify=True)
        for row in range(len(opened)):
            if found.index.kind == shards.SIGNALS:
                yield opened.recording(row)
            else:
                swipe = opened.swipe(row, default=swipe_files.DEFAULT_LAYOUT)
                yield Row(before + row, swipe, None)
    for index, number, line in chunk.lines:
        try:
            yield swipe_files.parsed(index, number, line, swipe_files.DEFAULT_LAYOUT)
        except UnicodeDecodeError as error:
            raise swipe_files.unreadable(chunk.path, number, error) from error
    yield from chunk.rows


@lru_cache(maxsize=4)
def _signal_family(kind: str | None, model: str | None) -> SignalSamples | None:
    spec: Mapping[str, Any] = {"type": kind}
    if model is not None:
        spec = bundles.read(bundles.locate(model)).index.model["frontend"]
    family = samples_for(spec)
    return family if isinstance(family, SignalSamples) else None


def _family(chunk: Chunk) -> SignalSamples | None:
    return _signal_family(chunk.kind, chunk.model)


def _of_row(row: Row, file: str, room: Room | None) -> Look:
    name = f"{file} row {row.index}"
    swipe = row.swipe
    if swipe is None:
        assert row.error is not None
        return Look(name, ((row.error.reason, f"{name}: {row.error}"),), usable=False)
    unnamed = f"{name}: the word that was meant is to stand under 'word'"
    problems = [("no_label", unnamed)] if not swipe.word else []
    problems += [("no_user", name)] if swipe.user is None else []
    label = (swipe.word,) if swipe.word else ()
    layout = _layout(swipe.layout)
    if room is not None and label:
        spelled = () if layout is None else spell(label[0], layout.letters) or ()
        problems += _infeasible(name, label, spelled, room(swipe))
    problems += _trace(name, swipe, layout)
    distance, told = _distance(name, swipe, layout)
    # Times count from the first point: a log that was exported twice may start elsewhere.
    points = np.round(swipe.points - [0.0, 0.0, swipe.points[0, 2]], 3) + 0.0
    duration = float(swipe.points[-1, 2] - swipe.points[0, 2])
    rate = 1000.0 * (len(swipe.points) - 1) / duration
    figures = (len(swipe.points), duration, rate, len(swipe.word or ""), distance)
    return Look(
        name,
        (*problems, *told),
        split=swipe.split or "",
        group=swipe.user,
        label=label,
        content=hashlib.sha256(swipe.layout.encode() + points.tobytes()).digest()[:16],
        key=splits.row_key(np.ascontiguousarray(swipe.points).tobytes()),
        figures=figures,
        misfit=None if np.isnan(distance) else (distance, swipe),
    )


def _of_recording(
    read: Recording, file: str, room: Room | None, family: SignalSamples | None,
    known: set[int | str],
) -> Look:  # fmt: skip
    name = f"{file} {read.name}"
    problems = [("not_finite", name)] if np.isinf(read.signal).any() else []
    problems += [("no_label", name)] if not read.target else []
    taken = read if family is None else family.taken(read)
    has = len(taken.signal) if room is None else room(taken)
    problems += _infeasible(name, read.target, read.target, has)
    content = np.ascontiguousarray(read.signal).tobytes()
    figures = (len(taken.signal), len(taken.target), float(np.isnan(taken.signal).mean()))
    width = read.signal.shape[-1]
    sketch = None
    if not {width, *read.target} <= known:
        known |= {width, *read.target}
        sketch = replace(read, signal=np.zeros((1, width), np.float32))
    return Look(
        name,
        tuple(problems),
        split=read.split,
        group=read.group,
        label=read.target,
        content=hashlib.sha256(content).digest()[:16],
        key=splits.row_key(content),
        figures=figures,
        sketch=sketch,
    )


def _infeasible(
    name: str, label: Sequence[str], spelled: Sequence[str], has: int
) -> list[tuple[str, str]]:
    numbers = {symbol: i for i, symbol in enumerate(sorted(set(spelled)))}
    needed = frames_needed([numbers[symbol] for symbol in spelled])
    if needed <= has:
        return []
    text = f"{name}: {' '.join(label)!r} needs {needed} output frames, has {has}"
    return [("label_too_long", text)]


def _trace(name: str, swipe: Swipe, layout: Layout | None) -> list[tuple[str, str]]:
    """Return jumps and gaps of a trace."""
    problems = []
    steps, dt = np.diff(swipe.points[:, :2], axis=0), np.diff(swipe.points[:, 2])
    if layout is None:
        problems.append(("unknown_layout", f"{name}: {swipe.layout!r}"))
    else:
        keys = np.hypot(*(steps / layout.key_size).T)
        if ((keys > _JUMP) & (dt < _JUMP_MS)).any():
            at = int(np.argmax((keys > _JUMP) & (dt < _JUMP_MS))) + 1
            problems.append(("jump", f"{name}: {keys[at - 1]:.1f} keys at point {at}"))
    if (dt > _GAP_MS).any():
        problems.append(("gap", f"{name}: {dt.max():.0f} ms without a point"))
    return problems


def _distance(
    name: str, swipe: Swipe, layout: Layout | None
) -> tuple[float, list[tuple[str, str]]]:
    """Return how far a trace keeps from the letters of its word, NaN where that is not known."""
    if layout is None or not swipe.word:
        return float("nan"), []
    word = spell(swipe.word, layout.letters)
    if word is None:
        return float("nan"), [("unknown_letters", f"{name}: {swipe.word!r}")]
    distance = path_distance(swipe.points, word, layout)
    if distance <= _FAR:
        return distance, []
    text = f"{name}: {swipe.word!r}, {distance:.1f} keys off on average"
    return distance, [("label_mismatch", text)]


def path_distance(points: Array, word: str, layout: Layout) -> float:
    """Return how far a trace keeps from the letters of a word, in keys, on average.

    Each letter is given a place on the trace, in the word's order, so that the sum of distances is
    least: the first and last letters take the ends of the trace.

    Args:
        points: (n, 3) x, y, t_ms.
        word: letters that ``layout`` has.
        layout: of the trace.
    """
    index = {letter: i for i, letter in enumerate(layout.letters)}
    keys = layout.centers[[index[letter] for letter in word]] / layout.key_size
    path = points[:, :2] / layout.key_size
    table = np.hypot(*(keys[:, None] - path[None]).transpose(2, 0, 1))
    if len(word) == 1:
        return float(table.min())
    cost = np.full(len(path), np.inf)
    cost[0] = table[0, 0]
    for row in table[1:]:
        cost = np.minimum.accumulate(cost) + row
    return float(cost[-1]) / len(word)


@lru_cache(maxsize=4)
def output_frames(model: str) -> Room:
    """Return what gives the output frames of a recording by a model's own length map.

    A recording that the model refuses has none.

    Args:
        model: bundle, or name of a shipped model.

    Raises:
        BundleError: there is no such bundle.
    """
    index = bundles.read(bundles.locate(model)).index
    frontend: Frontend = registry.create("frontends", index.model["frontend"])
    prepare = Preparation(frontend, index.layouts)

    def room(sample: Swipe | Recording) -> int:
        if isinstance(sample, Swipe) != bool(frontend.slots):
            raise ConfigError(f"model {model} takes other samples than these")
        row = swipe_files.recording(sample) if isinstance(sample, Swipe) else sample
        if frontend.settings and not row.setting:
            row = replace(row, setting=row.group or "")
        try:
            return output_length(prepare(row).length, index.stride, index.window)
        except InputError:
            return 0

    return room


_LAYOUTS: dict[str, Layout | None] = {}


def _layout(name: str) -> Layout | None:
    """Return a shipped layout, None if there is none of that name."""
    if name not in _LAYOUTS:
        try:
            _LAYOUTS[name] = layouts.shipped(name)
        except UnknownNameError:
            _LAYOUTS[name] = None
    return _LAYOUTS[name]
