"""What is wrong with a data set, before anything is trained on it.

Errors are what makes figures lie: the same recording, or the same person, on both sides of a split,
one recording with two labels, or most rows out of their frame or unit. The rest are warnings:
training leaves out or survives such samples, but a data set that is full of them is not what it
seems.
"""

from __future__ import annotations

import itertools
from array import array
from collections import Counter, defaultdict, deque
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from edgectc.core import parallel, registry
from edgectc.core.errors import InputError
from edgectc.core.types import Array, Recording, Swipe
from edgectc.data import (
    looks,
    readers,
    scales,
    shards,
    splits,
    swipe_files,
    swipe_scales,
    swipe_tables,
)
from edgectc.data.looks import Chunk, Look, Room, output_frames, path_distance
from edgectc.data.recordings import samples_for
from edgectc.data.signal_samples import SignalSamples
from edgectc.data.swipe_files import Row
from edgectc.formats import bundle as bundles

__all__ = ["ERRORS", "Findings", "check_data", "describe", "output_frames", "path_distance"]

ERRORS = (
    "duplicate_across_splits",
    "group_in_several_splits",
    "conflicting_labels",
    "far_from_words",
    "most_rows_unusable",
    *scales.PROBLEMS,
)
_MOST_UNUSABLE = 0.5  # of the rows; training refuses more (`data.max_dropped`)
_SHOWN = 10  # examples of each problem
_OUTLIER = 6.0  # robust standard deviations of the log time per symbol
_ROWS = 500  # that are looked at in one go
_WIDE = 90  # characters of an example in the table
_SAMPLES = 200  # recordings whose scale is looked at


@dataclass
class Findings:
    """What was found.

    Attributes:
        rows: rows or samples in the files.
        problems: kind to names of the samples concerned, each with a word on it.
        statistics: name to the values of all samples.
        splits: split to count of samples.
        kind: type of the frontend that takes the recordings; "" for swipes, or where unknown.
        split_by: how one file was split, for people; "" for several files.
        groups: how many people or days there are.
        labels: how many different labels there are.
        worst: swipes that fit their word least: (distance in keys, swipe).
    """

    rows: int = 0
    problems: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list), repr=False)
    statistics: dict[str, Array] = field(default_factory=dict, repr=False)
    splits: Counter[str] = field(default_factory=Counter)
    kind: str = ""
    split_by: str = ""
    groups: int = 0
    labels: int = 0
    worst: list[tuple[float, Swipe]] = field(default_factory=list, repr=False)

    @property
    def failed(self) -> bool:
        """Whether there is an error, or nothing to learn from."""
        return any(kind in self.problems for kind in ERRORS) or not sum(self.splits.values())

    def summary(self) -> dict[str, Any]:
        """Return plain JSON values: counts, examples and percentiles."""
        return {
            "rows": self.rows,
            "usable": sum(self.splits.values()),
            "status": "fail" if self.failed else "pass",
            "splits": dict(self.splits),
            "kind": self.kind,
            "split_by": self.split_by,
            "groups": self.groups,
            "labels": self.labels,
            "problems": {
                kind: {
                    "severity": "error" if kind in ERRORS else "warning",
                    "count": len(names),
                    "examples": names[:_SHOWN],
                }
                for kind, names in sorted(self.problems.items())
            },
            "statistics": {
                name: {
                    f"p{p}": round(float(np.percentile(values, p)), 3)
                    for p in (0, 5, 25, 50, 75, 95, 100)
                }
                for name, values in self.statistics.items()
                if len(values)
            },
        }


def check_data(
    paths: Sequence[str | Path],
    *,
    model: str | None = None,
    room: Room | None = None,
    days: bool = False,
    kind: str | None = None,
    jobs: int = 1,
    engine: str = "processes",
) -> Findings:
    """Return what is found in swipe files, or in ``.npz`` files of other samples.

    A file is read once; of a row no more is kept than what the others have to be compared with.

    Args:
        paths: one file, whose splits are its own or those of the hash of its users; or several,
            each a split called by its name.
        model: bundle, or name of a shipped model, to find labels that it has too few frames for.
        room: gives the output frames of a recording, for the same, in place of ``model``; None
            takes the frames of a sample, and leaves swipes unchecked.
        days: whether groups are recording days, which all splits share on purpose; they are where
            ``kind`` is known to have days.
        kind: type of the frontend that takes the recordings, e.g. "landmarks"; None takes that of
            ``model``, or the one whose recordings these plainly are.
        jobs: processes that look at rows; what they find is the same.
        engine: see `edgectc.core.parallel.ordered_map`.

    Raises:
        InputError: a file cannot be read.
        ConfigError: ``model`` takes other recordings than these.
        UnknownNameError: no such kind.
    """
    if model is not None:
        output_frames(model)
    if kind is not None:
        samples_for({"type": kind})
    files = [Path(path) for path in paths]
    names = [path.name.partition(".")[0] for path in files] if len(files) > 1 else []
    rows, splits_of = _Rows(), deque[str]()
    work = looks.look_at if room is None else partial(looks.look_at, room=room)

    def chunks() -> Iterator[Chunk]:
        for place, path in enumerate(files):
            for chunk in _chunks(path):
                splits_of.append(names[place] if names else "")
                stride = _stride(rows.begun + chunk.size)
                yield replace(chunk, model=model, kind=kind, first=rows.begun, stride=stride)
                rows.begun += chunk.size

    for found in parallel.ordered_map(work, chunks(), jobs=jobs, engine=engine):
        side = splits_of.popleft()
        for look in found:
            rows.add(look, side or look.split)
    return rows.findings(kind, model, days, split=not names)


def _stride(rows: int) -> int:
    """Return the power of two of whose multiples there are no more than the samples in ``rows``."""
    return 1 << max(0, (rows - 1) // _SAMPLES).bit_length()


def _chunks(path: Path) -> Iterator[Chunk]:
    """Yield the rows of a file a few at a time, or the shards of a set."""
    if shards.is_set(path):
        found, before = shards.open_set(path), 0
        left_out = [*shards.left_out(found)]
        if left_out:
            yield Chunk(path.name, rows=left_out, size=len(left_out))
        for number, shard in enumerate(found.index.shards):
            yield Chunk(path.name, shard=(path, number, before), size=shard.rows)
            before += shard.rows
    elif readers.takes(path):
        yield from _pieces(path.name, readers.read(path))
    elif path.suffix == swipe_tables.TABLE:
        yield from _pieces(path.name, swipe_tables.read(path))
    else:
        lines = swipe_files.lines(path)
        while piece := [*itertools.islice(lines, _ROWS)]:
            yield Chunk(path.name, lines=piece, path=str(path), size=len(piece))


def _pieces(name: str, rows: Iterator[Row] | Iterator[Recording | InputError]) -> Iterator[Chunk]:
    while piece := [*itertools.islice(rows, _ROWS)]:
        yield Chunk(name, rows=piece, size=len(piece))


class _Rows:
    """What is kept of each row, until all are known: about 250 bytes."""

    def __init__(self) -> None:
        self.begun = 0  # rows that were given out to be looked at
        self._findings, self._problems = Findings(), defaultdict[str, list[str]](list)
        self._refused = set[str]()  # kinds of problems of the rows that cannot be read
        self._names, self._splits = list[str](), list[str]()
        self._groups, self._labels = list[str | None](), list[tuple[str, ...]]()
        self._content, self._keys = bytearray(), array("L")
        self._figures = {columns: array("d") for columns in (looks.SWIPE, looks.RECORDING)}
        self._recorded = array("L")  # places of the rows that are no swipes
        self._same: dict[Hashable, Any] = {}  # equal texts once
        self._sketches, self._known = list[Recording](), set[int | str]()
        self._samples: list[tuple[int, Recording]] = []

    def add(self, look: Look, split: str) -> None:
        """Take one row in."""
        number, found = self._findings.rows, self._findings
        found.rows += 1
        for kind, text in look.problems:
            self._problems[kind].append(text)
        if not look.usable:
            self._refused |= {kind for kind, _ in look.problems}
            return
        self._names.append(look.name)
        self._splits.append(self._same.setdefault(split, split))
        self._groups.append(self._same.setdefault(look.group, look.group))
        self._labels.append(self._same.setdefault(look.label, look.label))
        self._content += look.content
        self._keys.append(look.key)
        recorded = len(look.figures) == len(looks.RECORDING)
        self._figures[looks.RECORDING if recorded else looks.SWIPE].extend(look.figures)
        if recorded:
            self._recorded.append(len(self._names) - 1)
        if look.misfit is not None:
            found.worst = sorted([*found.worst, look.misfit], key=lambda one: -one[0])[
                : looks.WORST
            ]
        if (sketch := look.sketch) is not None:
            words = {sketch.signal.shape[1], *sketch.target}
            if not words <= self._known:
                self._known |= words
                self._sketches.append(sketch)
        if look.sample is not None:
            stride = _stride(number + 1)
            self._samples = [one for one in self._samples if one[0] % stride == 0]
            self._samples += [(number, look.sample)] if number % stride == 0 else []

    def findings(self, kind: str | None, model: str | None, days: bool, *, split: bool) -> Findings:
        """Return what all rows together show.

        Args:
            kind: as in `check_data`.
            model: as there.
            days: as there.
            split: whether the rows are of one file, which is split as training does it.
        """
        found = self._findings
        known = _family(self._sketches, kind, model)
        if known is not None:
            found.kind, family = known
            days = days or bool(family.frontend.settings)
            samples = [family.taken(sample) for _, sample in self._samples]
            for name, detail in family.problems(samples).items():
                self._problems[name].append(detail)
            if family.frontend.settings:
                named = zip(self._names, self._groups, strict=True)
                nowhere = [name for name, group in named if group is None]
                self._problems |= {"no_group": nowhere} if nowhere else {}
        if split:
            found.split_by = self._place(people=not days)
        found.splits = Counter(self._splits)
        found.groups = len({*self._groups} - {None})
        found.labels = len({label for label in self._labels if any(label)})
        self._unusable()
        self._duplicates()
        if not days:
            self._leaks(meant=found.split_by.endswith(splits.ALONE))
        self._statistics()
        self._far()
        found.problems = {kind: names for kind, names in self._problems.items() if names}
        return found

    def _place(self, people: bool) -> str:
        """Give each row the split that training would put it in; return how they were found."""
        if any(self._splits):
            self._splits = [split or "train" for split in self._splits]
            return splits.AS_NAMED
        sides, how = splits.by_people((g for g in self._groups if g), people=people)
        if sides is None:
            placed = splits.by_row(np.array(self._keys, np.uint32))
            self._splits = [splits.SPLITS[side] for side in placed]
        else:
            self._splits = [sides[group] if group else "none" for group in self._groups]
        return how

    def _unusable(self) -> None:
        """Tell of a file of which training could not use half of the rows, and of most why."""
        rows, usable = self._findings.rows, sum(map(any, self._labels))
        if rows - usable <= _MOST_UNUSABLE * rows:
            return
        kinds = [kind for kind in (*self._refused, "no_label") if kind in self._problems]
        most = max(kinds, key=lambda kind: len(self._problems[kind]))
        self._problems["most_rows_unusable"].append(
            f"{rows - usable} of {rows} rows have no word or cannot be read, "
            f"{len(self._problems[most])} by {most}: {self._problems[most][0]}"
        )

    def _far(self) -> None:
        """Tell of swipes that keep far from their words: turned axes, or another keyboard."""
        off = self._findings.statistics.get("keys_off")
        worst = [swipe for _, swipe in self._findings.worst]
        if off is not None and (text := swipe_scales.explained(off, worst)):
            self._problems["far_from_words"].append(text)

    def _duplicates(self) -> None:
        """Equal recordings: inside a split, across splits, and with two labels."""
        halves = np.frombuffer(bytes(self._content), np.uint64).reshape(-1, 2)
        order = np.lexsort(halves.T)
        equal = (halves[order[1:]] == halves[order[:-1]]).all(axis=1)
        groups = np.split(order, np.flatnonzero(~equal) + 1) if equal.any() else []
        for group in sorted((g.tolist() for g in groups if len(g) > 1), key=lambda g: g[0]):
            names = ", ".join(self._names[i] for i in group[:4])
            across = len({self._splits[i] for i in group}) > 1
            self._problems["duplicate_across_splits" if across else "duplicate"].append(names)
            labels = sorted({" ".join(self._labels[i]) for i in group})
            if len({self._labels[i] for i in group}) > 1:
                self._problems["conflicting_labels"].append(f"{names}: {labels}")

    def _leaks(self, *, meant: bool) -> None:
        """People or days on both sides; ``meant`` where there are too few people to spare any."""
        places: dict[str, set[str]] = defaultdict(set)
        for group, split in zip(self._groups, self._splits, strict=True):
            if group is not None:
                places[group].add(split)
        for group, sides in sorted(places.items()):
            if len(sides) > 1:
                kind = "too_few_people" if meant else "group_in_several_splits"
                self._problems[kind].append(f"{group}: {sorted(sides)}")

    def _statistics(self) -> None:
        for columns, figures in self._figures.items():
            table = np.array(figures).reshape(-1, len(columns))
            values = {name: table[:, i] for i, name in enumerate(columns) if len(table)}
            if "keys_off" in values:
                off = values.pop("keys_off")
                values |= {"keys_off": off[np.isfinite(off)]} if np.isfinite(off).any() else {}
            self._findings.statistics |= values
        if self._recorded:
            self._rates(values["frames"], values["symbols"])

    def _rates(self, lengths: Array, symbols: Array) -> None:
        """Find recordings far too short or long for what they say."""
        labelled = np.flatnonzero(symbols > 0)
        pace = np.log(lengths[labelled] / symbols[labelled])
        if len(pace) < 20:
            return
        self._findings.statistics["frames_per_symbol"] = np.exp(pace)
        spread = float(np.median(np.abs(pace - np.median(pace)))) * 1.4826
        far = np.abs(pace - np.median(pace)) > _OUTLIER * max(spread, 0.05)
        for i in np.flatnonzero(far):
            self._problems["label_mismatch"].append(
                f"{self._names[self._recorded[labelled[i]]]}: {np.exp(pace[i]):.1f} frames a "
                f"symbol, the median is {np.exp(np.median(pace)):.1f}"
            )


def _family(
    samples: Sequence[Recording], kind: str | None, model: str | None
) -> tuple[str, SignalSamples] | None:
    """Return what recordings are; None for swipes, and where nothing tells."""
    if not samples:
        return None
    spec: Mapping[str, Any] | None = None if kind is None else {"type": kind}
    if model is not None:
        spec = bundles.read(bundles.locate(model)).index.model["frontend"]
        kind = spec["type"]
    for name in registry.names("samples") if kind is None else [kind]:
        family = samples_for(spec or {"type": name})
        if isinstance(family, SignalSamples) and (kind is not None or family.typical(samples)):
            return name, family
    return None


def describe(summary: Mapping[str, Any]) -> list[list[str]]:
    """Return table rows of a summary's problems: kind, severity, count, first example."""
    return [
        [kind, problem["severity"], str(problem["count"]), _short(problem["examples"][0])]
        for kind, problem in summary["problems"].items()
    ]


def in_full(summary: Mapping[str, Any]) -> list[str]:
    """Return a line for each error whose example the table of `describe` shortens."""
    errors = {k: p["examples"][0] for k, p in summary["problems"].items() if k in ERRORS}
    within = " ".join(errors.values())  # of most rows the reason is that of each
    return [
        f"{kind}: {text}"
        for kind, text in errors.items()
        if text != _short(text) and within.count(text) == 1
    ]


def _short(text: str) -> str:
    return text if len(text) <= _WIDE else f"{text[: _WIDE - 3]}..."
